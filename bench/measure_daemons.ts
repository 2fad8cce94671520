import { now } from "../lib/system/libc.ts";
import { PEERS } from "../tests/support/peers.ts";
import type { Room } from "../tests/support/room.ts";
import type { Syslog } from "../tests/support/syslog.ts";
import { type Amount, ask } from "./ask.ts";
import { addSamples, type Samples } from "./cases.ts";
import { type Extent, interleave, type Measurement } from "./extent.ts";
import { type Program, runPrograms } from "./run_programs.ts";
import { type Configs, type QuestionName, QUESTIONS, startDaemon } from "./sides.ts";

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
export async function measureDaemons(
  room: Room,
  configs: Configs,
  { daemonRounds, batch }: Extent,
  syslog: Syslog,
): Promise<Samples> {
  const samples: Samples = new Map();
  const own = { program: room.binary, configs };
  const c = { program: PEERS.agent.path, configs };
  await using plain = await startDaemon({ ...own, name: "daemon", tls: false });
  await using tls = await startDaemon({ ...own, name: "daemon TLS", tls: true });
  await using cPlain = await startDaemon({ ...c, name: "C daemon", tls: false });
  await using cTls = await startDaemon({ ...c, name: "C daemon TLS", tls: true });
  const amount: Amount = { times: batch, atOnce: AT_ONCE };
  const measurements = Object.entries(QUESTIONS).flatMap(([name, question]) => {
    const rate = (side: string, run: () => unknown): Measurement => () => {
      const begun = now();
      run();
      addSamples(samples, side, name, [batch / ((now() - begun) / 1000)]);
      Bun.sleepSync(PAUSE);
      syslog.take();
    };
    return [
      ...[plain, tls, cPlain, cTls].map(({ agent }) =>
        rate(agent.name, () => ask(agent, question, amount, [syslog]))
      ),
      rate("posix_spawn", () => runPrograms(PLUGINS[name as QuestionName], amount, [syslog])),
    ];
  });
  interleave(measurements, daemonRounds, () => samples.clear());
  return samples;
}
