import { closeFile, describeErrno } from "./libc.ts";
import { receive, send } from "./socket.ts";
import type { Arrival } from "./stream.ts";

/** A socket for a small exchange that blocks the process, or, as a stream does, waits in an event loop. */
export interface Transport {
  /** @param deadline In milliseconds of now(); a stream sends in the background. */
  readonly send: (bytes: Uint8Array, deadline: number) => unknown;
  /** @param deadline In milliseconds of now(). */
  readonly receive: (deadline: number) => Arrival | Promise<Arrival>;
  readonly close: () => void;
}

/** How much is read at a time, in bytes; most queries fit. */
const USUAL_LENGTH = 2048;

/** A socket whose calls block the process. */
export function blockingTransport(fd: number): Transport {
  return {
    send: (bytes, deadline) => send(fd, bytes, deadline),
    receive: (deadline) => receiveBytes(fd, deadline),
    close: () => closeFile(fd),
  };
}

/** What has arrived on a socket, waiting for it if nothing has. */
export function receiveBytes(fd: number, deadline: number): Arrival {
  const buffer = new Uint8Array(USUAL_LENGTH);
  const received = receive(fd, buffer, deadline);
  if (received.kind === "bytes") {
    return { kind: "bytes", bytes: buffer.subarray(0, received.count) };
  }
  if (received.kind !== "failed") return received;
  return { kind: "failed", reason: describeErrno(received.errno) };
}
