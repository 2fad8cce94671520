import { now } from "../lib/system/libc.ts";
import { PEERS } from "../tests/support/peers.ts";
import { type Amount, ask } from "./ask.ts";
import { interleave, type Measurement } from "./extent.ts";
import { type Program, runPrograms } from "./run_programs.ts";
import { addSample, type Samples } from "./samples.ts";
import { type QuestionName, QUESTIONS, type Setting, startDaemon } from "./sides.ts";

/** Conversations at a time. */
export const AT_ONCE = 16;
/** The pause between the batches of two sides, in milliseconds: the first one may have work left. */
const PAUSE = 50;

/** The plugins, as nrpe.cfg defines them. */
const PLUGINS: Readonly<Record<QuestionName, Program>> = {
  echo: { file: "/bin/echo", argv: ["/bin/echo", "OK"], status: 0 },
  check_load: {
    file: PEERS.plugins.path,
    argv: [PEERS.plugins.path, "-w", "10000,10000,10000", "-c", "20000,20000,20000"],
    status: 0,
  },
};

/** Measures how many checks a second the daemons answer, and how many plugins a bare loop runs. */
export async function measureDaemons(setting: Setting): Promise<Samples> {
  const { room, extent, syslog } = setting;
  const samples: Samples = new Map();
  const configs = setting.configs("daemons");
  const own = { program: room.binary, configs };
  const c = { program: PEERS.agent.path, configs };
  await using plain = await startDaemon({ ...own, name: "daemon", tls: false });
  await using tls = await startDaemon({ ...own, name: "daemon TLS", tls: true });
  await using cPlain = await startDaemon({ ...c, name: "C daemon", tls: false });
  await using cTls = await startDaemon({ ...c, name: "C daemon TLS", tls: true });
  const amount: Amount = { times: extent.batch, atOnce: AT_ONCE };
  const measurements = Object.entries(QUESTIONS).flatMap(([subject, question]) => {
    const rate = (side: string, run: () => unknown): Measurement => () => {
      const begun = now();
      run();
      addSample(samples, side, subject, extent.batch / ((now() - begun) / 1000));
      Bun.sleepSync(PAUSE);
      syslog.take();
    };
    return [
      ...[plain, tls, cPlain, cTls].map(({ agent }) =>
        rate(agent.name, () => ask(agent, question, amount, [syslog]))
      ),
      rate("posix_spawn", () => runPrograms(PLUGINS[subject as QuestionName], amount, [syslog])),
    ];
  });
  interleave(measurements, extent.daemonRounds, () => samples.clear());
  return samples;
}
