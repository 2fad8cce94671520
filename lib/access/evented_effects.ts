import { encodeBytes } from "../bytes.ts";
import { withVariables } from "../command/environment.ts";
import { shellProgram } from "../command/program.ts";
import { sourceOf } from "../source.ts";
import { alreadyRunsAs } from "../system/drop_privileges.ts";
import { listenForChildren, onceEnded } from "../system/children.ts";
import { Errno, SystemError } from "../system/libc.ts";
import { type Inheritance, type ProcessEnd, startProgram } from "../system/process.ts";
import { adopt, type Stream } from "../system/stream.ts";
import { UNKNOWN } from "../wrappers/request.ts";
import { BANNER_TIMEOUT, cannotTwist, type EffectRunner } from "./effect_runner.ts";
import { askUser } from "./ident.ts";
import { keepFiles } from "./kept_files.ts";
import { makeResolverPool } from "./resolver_pool.ts";
import { makeSemaphore } from "./semaphore.ts";

/** How many hosts are asked for the users of their connections at once. */
const MOST_USERS_ASKED = 32;

// The decisions about all clients of a process share these.
const names = makeResolverPool();
const users = makeSemaphore(MOST_USERS_ASKED);
const read = keepFiles();

/** Runs the effects for one client of a process that serves others. */
export interface EventedEffects extends EffectRunner {
  /**
   * What the client's programs are started with, after the changes of its rule so far.
   * @param variables Additions to the environment, `NAME=value` each.
   */
  readonly inheritance: (variables: readonly string[]) => Inheritance;
  /** Tells that the tables admit the client: names for its next decisions are asked for first. */
  readonly admitted: () => void;
}

/**
 * Runs effects while the process serves others. What would change the process changes the programs
 * that are started for this client instead. That cannot be with `user` and `group`, which refuse the
 * client, unless the process is that user or group anyway.
 *
 * @param environment What commands of the rule are run with, `NAME=value` each.
 * @param wait Called before the decision waits for anything; what it throws ends the decision.
 */
export function eventedEffects(
  stream: Stream,
  environment: readonly string[],
  wait: () => void,
): EventedEffects {
  const source = sourceOf(stream.client?.address ?? UNKNOWN);
  let umask: number | undefined;
  const nice: number[] = [];
  const inheritance = (variables: readonly string[]): Inheritance => ({
    environment: withVariables(environment, variables),
    ...(umask === undefined ? {} : { umask }),
    ...(nice.length === 0 ? {} : { nice: [...nice] }),
  });
  return {
    inheritance,
    admitted: () => names.admitted(source),
    resident: true,
    read,
    lookUp(question) {
      const cached = names.cached(question);
      if (cached !== undefined) return cached;
      wait();
      return names.ask(question, source);
    },
    async askUser(client, server, seconds) {
      wait();
      return await users.run(seconds, () => askUser(client, server, seconds, (fd) => adopt(fd)));
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
    async send(text) {
      wait();
      const timer = setTimeout(stream.reset, BANNER_TIMEOUT);
      await stream.send(encodeBytes(text));
      clearTimeout(timer);
    },
    apply(change) {
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
    twist: cannotTwist,
  };
}
