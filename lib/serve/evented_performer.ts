import { encodeBytes } from "../bytes.ts";
import { withVariables } from "../command/environment.ts";
import { shellProgram } from "../command/program.ts";
import { runProgramEvented } from "../command/run_evented.ts";
import { isIdentity } from "../system/change_identity.ts";
import { listenForChildren, onceEnded } from "../system/children.ts";
import { parseReply } from "../system/ident.ts";
import { Errno, SystemError } from "../system/libc.ts";
import { type Inheritance, type ProcessEnd, startProgram } from "../system/process.ts";
import { type Endpoint, keepAlive, linger } from "../system/socket.ts";
import type { Stream } from "../system/stream.ts";
import type { Performer } from "./consult_tables.ts";
import { LOOK_UP_SECONDS, lookUpAnswer, lookUpProgram } from "./look_up.ts";

const IDENT_PORT = 113;

/** Who serves others meanwhile, and must stay as it is for them. */
export interface EventedPerformer extends Performer {
  /**
   * What programs are started with for this client, as its rule has it by now.
   * @param variables Additions to the environment, `NAME=value` each.
   */
  readonly inheritance: (variables: readonly string[]) => Inheritance;
}

/**
 * Does what a decision needs done in a process that serves others meanwhile. What would change the
 * process changes what is started for this client instead; where that cannot be, with `user` and
 * `group`, who comes to the rule is refused, unless the process is that user or group anyway.
 *
 * @param fd The connection's descriptor.
 * @param environment What commands of the rule are run with, `NAME=value` each.
 */
export function eventedPerformer(
  stream: Stream,
  fd: number,
  environment: readonly string[],
): EventedPerformer {
  let umask: number | undefined;
  const nice: number[] = [];
  const inheritance = (variables: readonly string[]): Inheritance => ({
    environment: withVariables(environment, variables),
    ...(umask === undefined ? {} : { umask }),
    ...(nice.length === 0 ? {} : { nice: [...nice] }),
  });
  return {
    inheritance,
    resident: true,
    async ask(question) {
      const { end } = runProgramEvented(lookUpProgram(question), environment, LOOK_UP_SECONDS);
      return lookUpAnswer(await end);
    },
    askUser,
    async runCommand(command, variables) {
      listenForChildren();
      const { pid } = startProgram({ ...shellProgram(command), ...inheritance(variables) });
      const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
      onceEnded(pid, resolve);
      const end = await promise;
      return end.kind === "exited" && end.status === 0;
    },
    say: (text) => stream.send(encodeBytes(text)),
    change(change) {
      switch (change.option) {
        case "keepalive":
          return keepAlive(fd);
        case "linger":
          return linger(fd, change.seconds);
        case "umask":
          umask = change.mask;
          return;
        case "nice":
          nice.push(change.increment);
          return;
        default:
          if (isIdentity(change)) return;
          throw new SystemError(change.option, Errno.EPERM, "it needs a process of its own");
      }
    },
    become() {
      throw new SystemError("twist", Errno.EPERM, "it needs a process of its own");
    },
  };
}

/** As ident.ts's, while others are served. */
async function askUser(
  client: Endpoint,
  server: Endpoint,
  seconds: number,
): Promise<string | undefined> {
  const { connect } = await import("node:net");
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({
    host: client.address,
    port: IDENT_PORT,
    localAddress: server.address,
  });
  const timer = setTimeout(() => socket.destroy(), seconds * 1000);
  let reply = "";
  socket.setEncoding("latin1");
  socket.on("connect", () => void socket.write(`${client.port},${server.port}\r\n`));
  socket.on("data", (chunk: string) => {
    reply += chunk;
    if (reply.includes("\n") || reply.length >= 1000) socket.destroy();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    clearTimeout(timer);
    resolve(parseReply(reply, client.port, server.port));
  });
  return await promise;
}
