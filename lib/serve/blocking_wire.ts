import { closeFile, now } from "../system/libc.ts";
import { lingeringClose, send, sendingProblem } from "../system/socket.ts";
import { receiveBytes } from "../system/transport.ts";
import { LINGER_TIMEOUT, type Wire } from "./conversation.ts";

/**
 * A connected socket that blocks the process: a plain conversation under inetd nowait has nothing else
 * to do, and loading the event loop would cost more than all the rest.
 */
export function blockingWire(fd: number): Wire {
  return {
    receive: (deadline) => receiveBytes(fd, deadline),
    respond(response, deadline) {
      const failure = send(fd, response, deadline);
      if (failure === undefined) lingeringClose(fd, now() + LINGER_TIMEOUT);
      return failure?.kind === "failed" ? sendingProblem(failure.errno) : undefined;
    },
    close: () => closeFile(fd),
  };
}
