import type { Wire } from "../conversation.ts";
import { now } from "../system/libc.ts";
import type { Stream } from "../system/stream.ts";

/**
 * A stream of an event loop.
 * @param patience How long the client may take to end the connection after the response, in
 * milliseconds.
 */
export function streamWire(stream: Stream, patience: number): Wire {
  return {
    receive: stream.receive,
    async respond(response, deadline) {
      await stream.finish(response, deadline);
      await drain(stream, now() + patience);
    },
    close: stream.close,
  };
}

/**
 * Reads away what a client still sends until it ends the connection, but not for long: closing a
 * socket with unread bytes resets the connection, and what is on its way may be lost with it.
 *
 * @param deadline In milliseconds of {@link now}.
 */
export async function drain(stream: Stream, deadline: number): Promise<void> {
  while (now() < deadline && (await stream.receive(deadline)).kind === "bytes");
}
