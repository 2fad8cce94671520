import type { Wire } from "./conversation.ts";
import { now } from "../system/libc.ts";
import { drain, type Stream } from "../system/stream.ts";

/**
 * A stream of an event loop.
 * @param lingerTimeout How long the client may take to end the connection after the response, in
 * milliseconds.
 */
export function streamWire(stream: Stream, lingerTimeout: number): Wire {
  return {
    receive: stream.receive,
    async respond(response, deadline) {
      await stream.finish(response, deadline);
      await drain(stream, now() + lingerTimeout);
      return undefined;
    },
    close: stream.close,
  };
}
