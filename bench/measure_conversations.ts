import { PEERS } from "../tests/support/peers.ts";
import { childrenOf } from "../tests/support/processes.ts";
import { type Agent, ask, ONCE } from "./ask.ts";
import { interleave, type Measurement } from "./extent.ts";
import { type Program, runPrograms } from "./run_programs.ts";
import { addSample, FLOOR, type Samples } from "./samples.ts";
import {
  emptyProgram,
  nowaitServices,
  QUESTIONS,
  type Setting,
  settle,
  startServices,
  waitService,
} from "./sides.ts";

/**
 * Measures single checks under inetd, over raw sockets, and by check_nrpe from its start to its end.
 * The processes of one side have ended before the next is asked.
 */
export async function measureConversations(
  { room, configs, extent, empty }: Setting,
): Promise<Samples> {
  const samples: Samples = new Map();
  const config = configs("conversations").inetd;
  await using nowait = await startServices(nowaitServices(room, config));
  const waiting = waitService(room, config);
  await using wait = await startServices([waiting]);
  await using fresh = await startServices([{ ...waiting, name: "first of wait" }]);
  const logs = [nowait, wait, fresh].map(({ inetd }) => inetd.syslog);
  const settleAll = () => {
    settle(nowait.inetd.pid);
    for (const resident of childrenOf(wait.inetd.pid)) settle(resident);
    // As after an idle time: the next check finds only inetd.
    for (const resident of childrenOf(fresh.inetd.pid)) process.kill(resident, "SIGTERM");
    settle(fresh.inetd.pid);
    for (const log of logs) log.take();
  };
  const measure = (side: string, subject: string, take: () => number[]): Measurement => () => {
    addSample(samples, side, subject, take()[0]!);
    settleAll();
  };
  const asking = [...nowait.agents, ...wait.agents, ...fresh.agents].flatMap((agent) =>
    Object.entries(QUESTIONS).map(([subject, question]) =>
      measure(agent.name, subject, () => ask(agent, question, ONCE, logs))
    )
  );
  const checking = nowait.agents.filter(({ name }) => name !== "C").map((agent) =>
    measure(`check_nrpe to ${agent.name}`, "echo", () => runPrograms(check(agent), ONCE, logs))
  );
  const floor = measure(...FLOOR, () => runPrograms(emptyProgram(empty), ONCE, logs));
  interleave([...asking, ...checking, floor], extent.conversationRounds, () => samples.clear());
  return samples;
}

function check({ port, tls }: Agent): Program {
  const argv = ["check_nrpe", "-H", "127.0.0.1", "-p", String(port), "-c", "echo"];
  return { file: PEERS.checkNrpe.path, argv: tls ? argv : [...argv, "-n"], status: 0 };
}
