import { encodeBytes } from "../bytes.ts";
import { withVariables } from "../command/environment.ts";
import { shellProgram } from "../command/program.ts";
import { alreadyRunsAs } from "../system/drop_privileges.ts";
import { listenForChildren, onceEnded } from "../system/children.ts";
import { parseReply } from "./ident.ts";
import { Errno, now, SystemError } from "../system/libc.ts";
import { type Inheritance, type ProcessEnd, startProgram } from "../system/process.ts";
import type { Endpoint } from "../system/socket.ts";
import type { Stream } from "../system/stream.ts";
import { callAt } from "../system/timer.ts";
import { readShared, readTableFile } from "./table_files.ts";
import type { FileReader } from "../wrappers/match_list.ts";
import type { Performer } from "./consult_tables.ts";
import { type NameServices, nameServices } from "./name_services.ts";
import { makeTurns, type Turns } from "./turns.ts";

const IDENT_PORT = 113;

/** How many hosts are asked for the users of their connections at once. */
const MOST_USERS_ASKED = 32;

/** How long a client has for taking a banner, in milliseconds. */
const BANNER_TIMEOUT = 10_000;

/** What the decisions about all clients of a process have in common. */
export interface Common {
  readonly names: NameServices;
  readonly users: Turns;
  readonly read: FileReader;
}

/** Makes what decisions have in common. */
export function makeCommon(): Common {
  return {
    names: nameServices(),
    users: makeTurns(MOST_USERS_ASKED),
    read: readShared(readTableFile),
  };
}

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
 * @param environment What commands of the rule are run with, `NAME=value` each.
 * @param wait Called before anything that others have to be served meanwhile; what it throws ends the
 * decision.
 */
export function eventedPerformer(
  { names, users, read }: Common,
  stream: Stream,
  environment: readonly string[],
  wait: () => void,
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
    read,
    ask(question) {
      const known = names.known(question);
      if (known !== undefined) return known;
      wait();
      return names.ask(question);
    },
    askUser(client, server, seconds) {
      wait();
      return users.take(seconds, () => askUser(client, server, seconds));
    },
    async runCommand(command, variables) {
      wait();
      listenForChildren();
      const { pid } = startProgram({ ...shellProgram(command), ...inheritance(variables) });
      const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
      onceEnded(pid, resolve);
      const end = await promise;
      return end.kind === "exited" && end.status === 0;
    },
    async say(text) {
      wait();
      const timer = setTimeout(stream.reset, BANNER_TIMEOUT);
      await stream.send(encodeBytes(text));
      clearTimeout(timer);
    },
    change(change) {
      switch (change.option) {
        case "keepalive":
          return stream.keepAlive();
        case "linger":
          return stream.linger(change.seconds);
        case "umask":
          umask = change.mask;
          return;
        case "nice":
          nice.push(change.increment);
          return;
        default:
          if (alreadyRunsAs(change)) return;
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
  const timer = callAt(now() + seconds * 1000, () => socket.destroy());
  let reply = "";
  socket.setEncoding("latin1");
  socket.on("connect", () => void socket.write(`${client.port},${server.port}\r\n`));
  socket.on("data", (chunk: string) => {
    reply += chunk;
    if (reply.includes("\n") || reply.length >= 1000) socket.destroy();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    timer.cancel();
    resolve(parseReply(reply, client.port, server.port));
  });
  return await promise;
}
