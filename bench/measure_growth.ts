import { ask, ONCE } from "./ask.ts";
import { interleave, type Measurement } from "./extent.ts";
import { runPrograms } from "./run_programs.ts";
import { addSample, FLOOR, type Samples } from "./samples.ts";
import {
  allowRules,
  type Configs,
  emptyProgram,
  nowaitServices,
  QUESTIONS,
  type Setting,
  settle,
  startDaemon,
  startServices,
} from "./sides.ts";

/** The number of commands of every nrpe.cfg, and of a large one. */
const COMMANDS = { few: 3, many: 2_000 };
/** The number of access rules, and of many. */
const RULES = { few: 3, many: 10_000 };

/** Measures single checks with files of different sizes. */
export async function measureGrowth(setting: Setting): Promise<Samples> {
  const { room, configs, extent, empty } = setting;
  const samples: Samples = new Map();
  const fewCommands = configs("few_commands");
  const manyCommands = configs("many_commands", moreCommands());
  const fewRules = withRules(setting, RULES.few);
  const manyRules = withRules(setting, RULES.many);
  const under = (side: string, { inetd }: Configs, subject: string) => {
    const service = nowaitServices(room, inetd).find(({ name }) => name === side)!;
    return { ...service, name: `${side}, ${subject}` };
  };
  await using services = await startServices([
    under("nowait", fewCommands, count(COMMANDS.few, "commands")),
    under("nowait", manyCommands, count(COMMANDS.many, "commands")),
    under("C", manyCommands, count(COMMANDS.many, "commands")),
    under("nowait", fewRules, count(RULES.few, "rules")),
    under("nowait", manyRules, count(RULES.many, "rules")),
  ]);
  const daemon = (configs: Configs, subject: string) =>
    startDaemon({ name: `daemon, ${subject}`, program: room.binary, tls: false, configs });
  await using fewDaemon = await daemon(fewRules, count(RULES.few, "rules"));
  await using manyDaemon = await daemon(manyRules, count(RULES.many, "rules"));
  const daemons = [fewDaemon, manyDaemon];
  const logs = [services.inetd.syslog, setting.syslog];
  const measure = (side: string, subject: string, take: () => number[]): Measurement => () => {
    addSample(samples, side, subject, take()[0]!);
    for (const { pid } of [services.inetd, ...daemons]) settle(pid);
    for (const log of logs) log.take();
  };
  const asking = [...services.agents, ...daemons.map(({ agent }) => agent)].map((agent) =>
    measure(agent.name, "echo", () => ask(agent, QUESTIONS.echo, ONCE, logs))
  );
  const floor = measure(...FLOOR, () => runPrograms(emptyProgram(empty), ONCE, logs));
  interleave([...asking, floor], extent.growthRounds, () => samples.clear());
  return samples;
}

function count(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}`;
}

/** The definitions of a large nrpe.cfg, beside those of a small one. */
function moreCommands(): string {
  return Array.from(
    { length: COMMANDS.many - COMMANDS.few },
    (_, at) => `command[check_${at}]=/usr/lib/nagios/plugins/check_load -w ${at},9,9 -c 99,99,99\n`,
  ).join("");
}

/** An nrpe.cfg with a hosts.allow of its own, and a hosts.deny that denies all others. */
function withRules({ room, configs }: Setting, rules: number): Configs {
  const allow = room.file(`hosts.allow.${rules}`, allowRules(rules));
  const deny = room.file(`hosts.deny.${rules}`, "ALL: ALL\n");
  return configs(`rules_${rules}`, `hosts_allow_file=${allow}\nhosts_deny_file=${deny}\n`);
}
