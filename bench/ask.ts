/**
 * The load: a client on raw sockets that holds many conversations in one thread and takes little of
 * the processor that it shares with the agents.
 */
import { decodeResponse } from "../lib/protocol/decode.ts";
import { encodeQuery } from "../lib/protocol/encode.ts";
import {
  bindLibc,
  closeFile,
  Errno,
  lastErrno,
  now,
  Poll,
  SystemError,
  waitFor,
} from "../lib/system/libc.ts";
import type { Syslog } from "../tests/support/syslog.ts";
import { startTls, type TlsSession } from "./tls_client.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "buffer", "u32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "buffer"], returns: "i32" },
  send: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
  recv: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
});

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
const FIONBIO = 0x5421;
const MSG_NOSIGNAL = 0x4000;
/** How long no conversation may make progress before the run fails, in milliseconds. */
const PATIENCE = 10_000;

/** An agent on a port of loopback. */
export interface Agent {
  readonly name: string;
  readonly port: number;
  readonly tls: boolean;
}

/** A command to ask for, and what its answer must match. */
export interface Question {
  readonly command: string;
  readonly answer: RegExp;
}

/** How often, and how many conversations at a time. */
export interface Amount {
  readonly times: number;
  readonly atOnce: number;
}

export const ONCE: Amount = { times: 1, atOnce: 1 };

interface Conversation {
  readonly fd: number;
  readonly tls: TlsSession | undefined;
  readonly started: number;
  readonly received: Uint8Array;
  length: number;
  asked: boolean;
}

/**
 * Asks an agent in packets of version 4. A conversation's time runs from before its socket is made
 * until the response is complete.
 *
 * @param logs Where the agent's log lines arrive; they are read at once, as a syslogd does.
 * @param serve Called when a query has been sent to a port that this process listens on.
 * @returns The time of each conversation, in milliseconds.
 * @throws {Error} that names the agent, when an answer is not the expected one or does not come.
 */
export function ask(
  agent: Agent,
  question: Question,
  { times, atOnce }: Amount,
  logs: readonly Syslog[],
  serve = () => {},
): number[] {
  const query = encodeQuery({ version: 4, text: question.command });
  const took: number[] = [];
  const open: Conversation[] = [];
  let left = times;
  try {
    while (took.length < times) {
      for (; left > 0 && open.length < atOnce; left--) {
        open.push(begin(agent, query));
        serve();
      }
      const awaited = [...open, ...logs].map(({ fd }) => ({ fd, events: Poll.in }));
      const conditions = waitFor(awaited, now() + PATIENCE);
      if (conditions.every((condition) => condition === 0)) {
        const asked = open.filter((conversation) => conversation.asked).length;
        throw new Error(`no answer in time: ${open.length} open, ${asked} of them asked`);
      }
      logs.forEach((log, at) => conditions[open.length + at] !== 0 && log.take());
      // From the last to the first, since complete ones are removed.
      for (let at = open.length - 1; at >= 0; at--) {
        if (conditions[at] === 0 || !isAnswered(open[at]!, query, question.answer)) continue;
        const [{ started, fd, tls }] = open.splice(at, 1) as [Conversation];
        took.push(now() - started);
        tls?.end();
        closeFile(fd);
      }
    }
  } catch (error) {
    throw new Error(`Cannot ask ${agent.name} for ${question.command}`, { cause: error });
  } finally {
    for (const { fd } of open) closeFile(fd);
  }
  return took;
}

function begin({ port, tls }: Agent, query: Uint8Array): Conversation {
  const started = now();
  const fd = connectTo(port);
  const conversation = { fd, started, received: new Uint8Array(2048), length: 0 };
  if (!tls) {
    if (libc.send(fd, query, query.byteLength, MSG_NOSIGNAL) !== query.byteLength) {
      throw new SystemError("send", lastErrno());
    }
    return { ...conversation, tls: undefined, asked: true };
  }
  const session = startTls(fd);
  // A fast agent ends the handshake within this call and then waits for the query.
  const asked = session.handshake();
  if (asked) session.write(query);
  return { ...conversation, tls: session, asked };
}

/** Connects and blocks, on loopback only while the listener's queue is full, and not for long. */
function connectTo(port: number): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
  const address = new Uint8Array(16);
  new Uint16Array(address.buffer)[0] = AF_INET;
  new DataView(address.buffer).setUint16(2, port);
  address.set([127, 0, 0, 1], 4);
  // It limits connect(), see socket(7).
  const limit = new BigInt64Array([BigInt(PATIENCE / 1000), 0n]);
  libc.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, limit.byteLength);
  if (libc.connect(fd, address, address.byteLength) !== 0) {
    const errno = lastErrno();
    closeFile(fd);
    throw new SystemError("connect", errno, `127.0.0.1:${port}`);
  }
  libc.ioctl(fd, FIONBIO, new Int32Array([1]));
  return fd;
}

/** Continues a conversation whose socket is ready; returns whether the answer is complete. */
function isAnswered(conversation: Conversation, query: Uint8Array, answer: RegExp): boolean {
  const { tls, received } = conversation;
  if (tls !== undefined && !conversation.asked) {
    if (!tls.handshake()) return false;
    tls.write(query);
    conversation.asked = true;
  }
  const count = readFrom(conversation, received.subarray(conversation.length));
  if (count < 0) return false;
  if (count === 0) throw new Error(`closed after ${conversation.length} bytes`);
  conversation.length += count;
  const decoding = decodeResponse(received.subarray(0, conversation.length));
  if (decoding.kind === "needs more") return false;
  if (decoding.kind === "refused") throw new Error(`no response: ${decoding.reason}`);
  if (!answer.test(decoding.packet.text)) throw new Error(`got ${decoding.packet.text}`);
  return true;
}

/** Reads what has arrived: the bytes read, 0 at the end, or -1 if there is nothing yet. */
function readFrom({ fd, tls }: Conversation, buffer: Uint8Array): number {
  if (tls !== undefined) return tls.read(buffer);
  const count = libc.recv(fd, buffer, BigInt(buffer.byteLength), 0);
  if (count >= 0) return count;
  const errno = lastErrno();
  if (errno === Errno.EAGAIN || errno === Errno.EINTR) return -1;
  throw new SystemError("recv", errno);
}
