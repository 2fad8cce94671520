/**
 * The client of the Identification Protocol (RFC 1413): which user at the other end holds a
 * connection, as far as that host can be believed.
 */
import { decodeBytes, encodeBytes } from "../bytes.ts";
import { closeFile, now, SystemError } from "../system/libc.ts";
import { beginConnecting, type Endpoint } from "../system/socket.ts";
import type { Transport } from "../system/transport.ts";

const IDENT_PORT = 113;
/** The longest reply, in bytes; RFC 1413 allows 1000 and names of 512. */
const LONGEST_REPLY = 1000;

/**
 * Asks the client's host for the user of a connection.
 *
 * @param seconds How long it may take.
 * @param transportOn Makes a transport of a socket that is connected, or connecting.
 * @returns The user's name, a byte string, or undefined when there is no answer.
 */
export async function askUser(
  client: Endpoint,
  server: Endpoint,
  seconds: number,
  transportOn: (fd: number) => Transport,
): Promise<string | undefined> {
  const deadline = now() + seconds * 1000;
  const fd = beginConnecting(client.address, IDENT_PORT, server.address);
  if (fd < 0) return undefined;
  let transport: Transport;
  try {
    transport = transportOn(fd);
  } catch (error) {
    closeFile(fd);
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
  try {
    transport.send(encodeBytes(`${client.port},${server.port}\r\n`), deadline);
    return parseReply(await readReply(transport, deadline), client.port, server.port);
  } finally {
    transport.close();
  }
}

/** Reads a line, or what comes of it before the deadline, the end or the longest reply. */
async function readReply(transport: Transport, deadline: number): Promise<string> {
  let reply = "";
  while (!reply.includes("\n") && reply.length < LONGEST_REPLY) {
    const arrival = await transport.receive(deadline);
    if (arrival.kind !== "bytes") break;
    reply += decodeBytes(arrival.bytes);
  }
  return reply.slice(0, LONGEST_REPLY);
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
