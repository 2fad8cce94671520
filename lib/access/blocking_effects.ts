import { encodeBytes } from "../bytes.ts";
import { pluginEnvironment } from "../command/environment.ts";
import { shellProgram } from "../command/program.ts";
import { runProgram } from "../command/run_blocking.ts";
import { execOnConnection } from "../system/exec.ts";
import { switchTo } from "../system/drop_privileges.ts";
import { askUser } from "./ident.ts";
import { now } from "../system/libc.ts";
import { awaitEnd, changeNice, setUmask, startProgram } from "../system/process.ts";
import { keepAlive, linger, send } from "../system/socket.ts";
import { readTableFile } from "./table_files.ts";
import type { Performer } from "./consult_tables.ts";
import { LOOK_UP_SECONDS, lookUpAnswer, lookUpProgram, wordsOf } from "./look_up.ts";

/** How long a banner may take to be sent, in milliseconds. */
const BANNER_TIMEOUT = 10_000;

/**
 * Does what a decision needs done by blocking a process that has one client and nothing else to do.
 * What changes the process changes it for good.
 *
 * @param fd The connection.
 */
export function blockingPerformer(fd: number): Performer {
  return {
    resident: false,
    read: readTableFile,
    ask(question) {
      const program = lookUpProgram(wordsOf(question));
      return lookUpAnswer(runProgram(program, pluginEnvironment(), LOOK_UP_SECONDS));
    },
    askUser,
    runCommand(command, variables) {
      const environment = pluginEnvironment(variables);
      const { pid } = startProgram({ ...shellProgram(command), environment });
      const end = awaitEnd(pid);
      return end.kind === "exited" && end.status === 0;
    },
    say: (text) => void send(fd, encodeBytes(text), now() + BANNER_TIMEOUT),
    change(change) {
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
    become: (command, variables) =>
      execOnConnection({ ...shellProgram(command), environment: pluginEnvironment(variables) }, fd),
  };
}
