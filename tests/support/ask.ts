import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import type { PacketVersion, Response } from "../../lib/protocol/packet.ts";

/** How a question is put. */
export interface Asking {
  readonly version?: PacketVersion;
  /** The address of loopback to ask from. */
  readonly from?: string;
  /** The Unix socket to ask at; the port says nothing then. */
  readonly path?: string;
  /** TLS, with these options; plain where they are missing. */
  readonly tls?: ConnectionOptions;
}

/** Opens a connection to a port of 127.0.0.1. */
export function open(port: number, from = "127.0.0.1"): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ port, host: "127.0.0.1", localAddress: from });
  socket.once("connect", () => resolve(socket)).once("error", reject);
  return promise;
}

/**
 * Asks an agent on 127.0.0.1 without check_nrpe, for tests that ask often.
 * @throws {Error} when there is no response.
 */
export async function ask(port: number, text: string, asking: Asking = {}): Promise<Response> {
  const { version = 4, from = "127.0.0.1", path, tls } = asking;
  const place = path === undefined ? { port, host: "127.0.0.1" } : { path };
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const query = encodeQuery({ version, text });
  const socket = connect({ ...place, localAddress: from });
  const stream = tls === undefined
    ? socket
    : connectTls({ socket, rejectUnauthorized: false, ...tls });
  stream.once(tls === undefined ? "connect" : "secureConnect", () => void stream.write(query));
  let received = Buffer.alloc(0);
  stream.on("data", (chunk: Uint8Array) => {
    received = Buffer.concat([received, chunk]);
    const decoding = decodeResponse(received);
    if (decoding.kind === "packet") resolve(decoding.packet);
    else if (decoding.kind === "refused") reject(new Error(`No response: ${decoding.reason}`));
  });
  for (const each of [socket, stream]) each.on("error", reject);
  stream.on("close", () => reject(new Error(`Closed after ${received.byteLength} bytes`)));
  try {
    return await promise;
  } finally {
    stream.destroy();
    socket.destroy();
  }
}

/** Asks a number of times, so many at once; returns the texts of the answers, or of the errors. */
export async function askOften(
  port: number,
  text: string,
  { times, atOnce, asking = {} }: {
    readonly times: number;
    readonly atOnce: number;
    readonly asking?: Asking;
  },
): Promise<Map<string, number>> {
  const answers = new Map<string, number>();
  let left = times;
  const client = async () => {
    while (left-- > 0) {
      const answer = await ask(port, text, asking).then(
        (response) => response.text,
        // Whether connect, write or read is what fails first is the kernel's and the loop's affair.
        (error: NodeJS.ErrnoException) => `error: ${error.code ?? error.message}`,
      );
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return answers;
}
