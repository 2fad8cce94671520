import { connect } from "node:net";
import { decodeResponse } from "../lib/protocol/decode.ts";
import { encodeQuery } from "../lib/protocol/encode.ts";
import type { Query, Response } from "../lib/protocol/packet.ts";

/** What a client receives: a response, or less than one. */
export type Answer =
  | { readonly kind: "response"; readonly response: Response; readonly bytes: Uint8Array }
  | { readonly kind: "closed"; readonly bytes: Uint8Array };

/** Asks an agent as a monitoring server does, over a plain connection. */
export async function ask(query: Query, port: number, host = "127.0.0.1"): Promise<Answer> {
  const bytes = await exchange(encodeQuery(query), port, host);
  const decoding = decodeResponse(bytes);
  if (decoding.kind !== "packet") return { kind: "closed", bytes };
  return { kind: "response", response: decoding.packet, bytes };
}

/** Sends bytes to an agent and returns what it sends until it closes the connection. */
export function exchange(bytes: Uint8Array, port: number, host = "127.0.0.1"): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const received: Buffer[] = [];
  const socket = connect(port, host, () => socket.write(bytes));
  const end = () => resolve(Buffer.concat(received));
  socket.on("data", (chunk: Buffer) => received.push(chunk));
  socket.on("close", end);
  socket.on("error", (error: NodeJS.ErrnoException) => {
    // The kernel resets a connection that is closed with bytes unread.
    if (error.code === "ECONNRESET" || error.code === "EPIPE") end();
    else reject(error);
  });
  return promise;
}
