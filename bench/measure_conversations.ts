import { PEERS } from "../tests/support/peers.ts";
import { childrenOf } from "../tests/support/processes.ts";
import type { Room } from "../tests/support/room.ts";
import { type Agent, ask } from "./ask.ts";
import { addSamples, type Samples } from "./cases.ts";
import { type Extent, interleave, type Measurement } from "./extent.ts";
import { type Program, runPrograms } from "./run_programs.ts";
import {
  type Configs,
  nowaitServices,
  QUESTIONS,
  settle,
  startServices,
  waitService,
} from "./sides.ts";

const ONCE = { times: 1, atOnce: 1 };

/**
 * Measures single checks under inetd, over raw sockets, and by check_nrpe from its start to its end.
 * The processes of one side have ended before the next is asked.
 */
export async function measureConversations(
  room: Room,
  configs: Configs,
  { conversationRounds }: Extent,
): Promise<Samples> {
  const samples: Samples = new Map();
  await using nowait = await startServices(nowaitServices(room, configs.inetd));
  const waiting = waitService(room, configs.inetd);
  await using wait = await startServices([waiting]);
  await using fresh = await startServices([{ ...waiting, name: "first of wait" }]);
  const settleAll = () => {
    settle(nowait.inetd.pid);
    for (const resident of childrenOf(wait.inetd.pid)) settle(resident);
    // As after an idle time: the next check finds only inetd.
    for (const resident of childrenOf(fresh.inetd.pid)) process.kill(resident, "SIGTERM");
    settle(fresh.inetd.pid);
    for (const log of logs) log.take();
  };
  const logs = [nowait, wait, fresh].map(({ inetd }) => inetd.syslog);
  const asking = [...nowait.agents, ...wait.agents, ...fresh.agents].flatMap((agent) =>
    Object.entries(QUESTIONS).map(([name, question]): Measurement => () => {
      addSamples(samples, agent.name, name, ask(agent, question, ONCE, logs));
      settleAll();
    })
  );
  const checking = nowait.agents.filter(({ name }) => name !== "C").map(
    (agent): Measurement => () => {
      addSamples(
        samples,
        `check_nrpe to ${agent.name}`,
        "echo",
        runPrograms(check(agent), ONCE, logs),
      );
      settleAll();
    },
  );
  interleave([...asking, ...checking], conversationRounds, () => samples.clear());
  return samples;
}

function check({ port, tls }: Agent): Program {
  const argv = ["check_nrpe", "-H", "127.0.0.1", "-p", String(port), "-c", "echo"];
  return { file: PEERS.checkNrpe.path, argv: tls ? argv : [...argv, "-n"], status: 0 };
}
