import { join } from "node:path";
import { PEERS } from "./peers.ts";
import { freePorts, isListening } from "./ports.ts";
import type { Room } from "./room.ts";
import { waitUntil } from "./wait_until.ts";

/** The C agent as a daemon on loopback. */
export interface CAgent extends AsyncDisposable {
  readonly port: number;
}

/**
 * Starts the C agent and waits until it listens.
 * @param config Lines of nrpe.cfg beyond address, port, user and pid file.
 */
export function startCAgent(
  room: Room,
  config: string,
  ...args: readonly string[]
): Promise<CAgent> {
  return startCAgentOf(PEERS.agent.path, room, config, ...args);
}

/** The same with another program than Debian's, which is built without arguments. */
export async function startCAgentOf(
  program: string,
  room: Room,
  config: string,
  ...args: readonly string[]
): Promise<CAgent> {
  const [port] = freePorts(1) as [number];
  const head = `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\n` +
    `nrpe_group=nagios\npid_file=${join(room.path, `c-agent-${port}.pid`)}\n`;
  const file = room.file(`c-agent-${port}.cfg`, head + config);
  const agent = Bun.spawn([program, ...args, "-c", file, "-f"], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const end = async () => {
    agent.kill("SIGKILL");
    await agent.exited;
  };
  try {
    await waitUntil("the C agent listens", () => {
      if (agent.exitCode !== null) throw new Error("The C agent ended");
      return isListening(port);
    });
  } catch (error) {
    await end();
    throw error;
  }
  return { port, [Symbol.asyncDispose]: end };
}
