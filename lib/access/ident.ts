/**
 * The client of the Identification Protocol (RFC 1413): which user at the other end holds a
 * connection, as far as that host can be believed.
 */
import { decodeBytes, encodeBytes } from "../bytes.ts";
import {
  bindLibc,
  closeFile,
  cString,
  Errno,
  lastErrno,
  now,
  Poll,
  waitFor,
} from "../system/libc.ts";
import { type Endpoint, receive, send } from "../system/socket.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_NONBLOCK = 1 | 0o4000 | 0o2000000;
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
  const fd = connect(client.address, server.address, deadline);
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

/** Connects to a host's ident server from the address that the client is talking to. */
function connect(host: string, from: string, deadline: number): number | undefined {
  const libc = bindLibc({
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
    connect: { args: ["i32", "buffer", "u32"], returns: "i32" },
    inet_pton: { args: ["i32", "buffer", "buffer"], returns: "i32" },
  });
  const family = host.includes(":") ? AF_INET6 : AF_INET;
  const sockaddr = (address: string, port: number) => {
    const bytes = new Uint8Array(family === AF_INET6 ? 28 : 16);
    new Uint16Array(bytes.buffer)[0] = family;
    new DataView(bytes.buffer).setUint16(2, port);
    libc.inet_pton(family, cString(address), bytes.subarray(family === AF_INET6 ? 8 : 4));
    return bytes;
  };
  const fd = libc.socket(family, SOCK_STREAM_NONBLOCK, 0);
  if (fd < 0) return undefined;
  const own = sockaddr(from, 0);
  libc.bind(fd, own, own.byteLength);
  const peer = sockaddr(host, IDENT_PORT);
  if (libc.connect(fd, peer, peer.byteLength) === 0) return fd;
  const pending = lastErrno() === Errno.EINPROGRESS;
  const ready = pending ? waitFor([{ fd, events: Poll.out }], deadline)[0]! : Poll.error;
  if (ready === Poll.out) return fd;
  closeFile(fd);
  return undefined;
}
