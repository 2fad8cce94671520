import { encodeQuery } from "../protocol/encode.ts";
import type { Decoding, PacketError } from "../protocol/decode.ts";
import { decodeResponse } from "../protocol/decode.ts";
import type { Query, Response } from "../protocol/packet.ts";
import type { Arrival, Channel } from "./channel.ts";

/** What came of a query. `received` are all bytes from the agent. */
export type Reply =
  | { readonly kind: "response"; readonly response: Response; readonly received: Uint8Array }
  | { readonly kind: "no packet"; readonly reason: PacketError; readonly received: Uint8Array }
  /** The connection ended, or time was up, before a packet was complete. */
  | {
    readonly kind: "incomplete";
    readonly ending: Exclude<Arrival, { readonly kind: "bytes" }>;
    readonly received: Uint8Array;
  };

/**
 * Sends a query and reads the response. No more is read than the packet has, at most 65555 bytes, and
 * what the runtime reads with it.
 *
 * @param deadline In milliseconds of `now()`.
 */
export async function exchange(channel: Channel, query: Query, deadline: number): Promise<Reply> {
  channel.send(encodeQuery(query));
  let received: Uint8Array = new Uint8Array(0);
  let decoding: Decoding<Response> = decodeResponse(received);
  while (decoding.kind === "needs more") {
    const chunks = [received];
    for (let length = received.byteLength; length < decoding.length;) {
      const arrival = await channel.receive(deadline);
      if (arrival.kind !== "bytes") {
        return { kind: "incomplete", ending: arrival, received: Buffer.concat(chunks) };
      }
      chunks.push(arrival.bytes);
      length += arrival.bytes.byteLength;
    }
    received = Buffer.concat(chunks);
    decoding = decodeResponse(received);
  }
  if (decoding.kind === "refused") return { kind: "no packet", reason: decoding.reason, received };
  return { kind: "response", response: decoding.packet, received };
}
