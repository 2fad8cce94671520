import { PEERS } from "../tests/lab/peers.ts";
import { childrenOf } from "../tests/lab/processes.ts";
import type { Room } from "../tests/lab/room.ts";
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
 * Measures single checks under inetd, over raw sockets, and those of check_nrpe from its start to its
 * end. Before the next side is asked, the processes of the last one have ended.
 */
export async function measureConversations(
  room: Room,
  configs: Configs,
  { conversationRounds }: Extent,
): Promise<Samples> {
  const samples: Samples = new Map();
  await using nowait = await startServices(nowaitServices(room, configs.inetd));
  await using wait = await startServices([waitService(room, configs.inetd)]);
  const settleAll = () => {
    settle(nowait.inetd.pid);
    for (const resident of childrenOf(wait.inetd.pid)) settle(resident);
    nowait.inetd.syslog.take();
    wait.inetd.syslog.take();
  };
  const logs = [nowait.inetd.syslog, wait.inetd.syslog];
  const asking = [...nowait.agents, ...wait.agents].flatMap((agent) =>
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
