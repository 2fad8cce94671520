import { LINGER_TIMEOUT, type Wire } from "./conversation.ts";
import { closeFile, describeErrno, now } from "../system/libc.ts";
import { lingeringClose, receive, send } from "../system/socket.ts";

/** Most queries fit; a longer one takes several reads. In bytes. */
const USUAL_QUERY = 2048;

/**
 * A connected socket that blocks the process: a plain conversation under inetd, nowait, has nothing
 * else to do, and loading the event loop would cost more than all of the rest.
 */
export function blockingWire(fd: number): Wire {
  return {
    receive(deadline) {
      const buffer = new Uint8Array(USUAL_QUERY);
      const received = receive(fd, buffer, deadline);
      if (received.kind === "bytes") {
        return { kind: "bytes", bytes: buffer.subarray(0, received.count) };
      }
      if (received.kind !== "failed") return received;
      return { kind: "failed", reason: describeErrno(received.errno) };
    },
    respond(response, deadline) {
      const failure = send(fd, response, deadline);
      if (failure === undefined) lingeringClose(fd, now() + LINGER_TIMEOUT);
    },
    close: () => closeFile(fd),
  };
}
