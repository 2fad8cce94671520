/**
 * The client of the Identification Protocol (RFC 1413): which user at the other end holds a
 * connection, as far as that host can be believed.
 */
import { decodeBytes, encodeBytes } from "../bytes.ts";
import { closeFile, now } from "../system/libc.ts";
import { connectFrom, type Endpoint, receive, send } from "../system/socket.ts";

const IDENT_PORT = 113;
/** The longest reply, in bytes; RFC 1413 allows 1000 and names of 512. */
const LONGEST_REPLY = 1000;

/**
 * Asks the client's host for the user of a connection.
 *
 * @param seconds How long it may take.
 * @returns The user's name, a byte string, or undefined when there is no answer.
 */
export function askUser(client: Endpoint, server: Endpoint, seconds: number): string | undefined {
  const deadline = now() + seconds * 1000;
  const fd = connectFrom(server.address, client.address, IDENT_PORT, deadline);
  if (fd === undefined) return undefined;
  try {
    const query = encodeBytes(`${client.port},${server.port}\r\n`);
    if (send(fd, query, deadline) !== undefined) return undefined;
    return parseReply(readReply(fd, deadline), client.port, server.port);
  } finally {
    closeFile(fd);
  }
}

/**
 * The user that a reply names, `PORT, PORT : USERID : SYSTEM : NAME`; undefined where it is about
 * other ports, an error, or nothing of that form.
 */
export function parseReply(
  reply: string,
  clientPort: number,
  serverPort: number,
): string | undefined {
  const fields = /^\s*([0-9]+)\s*,\s*([0-9]+)\s*:\s*USERID\s*:[^:]*:\s*([^\r\n]+)/.exec(reply);
  if (fields === null) return undefined;
  if (Number(fields[1]) !== clientPort || Number(fields[2]) !== serverPort) return undefined;
  return fields[3];
}

function readReply(fd: number, deadline: number): string {
  const reply = new Uint8Array(LONGEST_REPLY);
  for (let length = 0;;) {
    const received = receive(fd, reply.subarray(length), deadline);
    if (received.kind === "bytes") length += received.count;
    const text = decodeBytes(reply, 0, length);
    if (received.kind !== "bytes" || length === LONGEST_REPLY || text.includes("\n")) return text;
  }
}
