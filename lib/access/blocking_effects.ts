import { encodeBytes } from "../bytes.ts";
import { pluginEnvironment } from "../command/environment.ts";
import { shellProgram } from "../command/program.ts";
import { switchTo } from "../system/drop_privileges.ts";
import { execOnConnection } from "../system/exec.ts";
import { now, SystemError } from "../system/libc.ts";
import { Signal } from "../system/linux.ts";
import { awaitEnd, changeNice, setUmask, signalProgram, startProgram } from "../system/process.ts";
import { keepAlive, linger, send } from "../system/socket.ts";
import { blockingTransport } from "../system/transport.ts";
import { BANNER_TIMEOUT, type EffectRunner } from "./effect_runner.ts";
import {
  askProcess,
  LOOK_UP_SECONDS,
  type LookUp,
  type LookUpAnswer,
  NOT_ASKED,
  startLookUpProcess,
} from "./look_up.ts";
import { readTableFile } from "./table_files.ts";

/**
 * Runs effects by blocking a process that has one client. What changes the process changes it for good.
 *
 * @param fd The connection.
 * @param environmentWith The environment of commands, with the variables that a rule has set.
 */
export function blockingEffects(
  fd: number,
  environmentWith: (variables: readonly string[]) => readonly string[] = pluginEnvironment,
): EffectRunner {
  return {
    resident: false,
    read: readTableFile,
    lookUp,
    async askUser(client, server, seconds) {
      const { askUser } = await import("./ident.ts");
      return await askUser(client, server, seconds, blockingTransport);
    },
    runCommand(command, variables) {
      const environment = environmentWith(variables);
      const { pid } = startProgram({ ...shellProgram(command), environment });
      const end = awaitEnd(pid);
      return end.kind === "exited" && end.status === 0;
    },
    send: (text) => void send(fd, encodeBytes(text), now() + BANNER_TIMEOUT),
    apply(change) {
      switch (change.option) {
        case "keepalive":
          return keepAlive(fd);
        case "linger":
          return linger(fd, change.seconds);
        case "nice":
          // As under tcpd, a value that the process may not have changes nothing.
          return changeNice(change.increment);
        case "umask":
          return setUmask(change.mask);
        default:
          return switchTo(change);
      }
    },
    twist: (command, variables) =>
      execOnConnection({ ...shellProgram(command), environment: environmentWith(variables) }, fd),
  };
}

/** Asks a process that is started for this question. */
async function lookUp(question: LookUp): Promise<LookUpAnswer> {
  const deadline = now() + LOOK_UP_SECONDS * 1000;
  try {
    const { started, fd } = startLookUpProcess();
    const transport = blockingTransport(fd);
    const answer = await askProcess(transport, question, deadline);
    transport.close();
    // It may wait for a name server still. This process ends soon, and init reaps it.
    signalProgram(started, Signal.kill, false);
    return answer;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return NOT_ASKED;
  }
}
