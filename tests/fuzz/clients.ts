/** Many clients at once, on raw sockets and in one thread: what each of them does is a plan. */
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeResponse } from "../../lib/protocol/encode.ts";
import type { Response } from "../../lib/protocol/packet.ts";
import {
  bindLibc,
  closeFile,
  Errno,
  lastErrno,
  now,
  Poll,
  SystemError,
  waitFor,
} from "../../lib/system/libc.ts";
import { beginConnecting, linger } from "../../lib/system/socket.ts";
import type { Plan, Step } from "./packets.ts";

const libc = bindLibc({
  send: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
  recv: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
});

const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const SHUT_WR = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

/**
 * How long an agent may do nothing at all for any of its clients, in milliseconds: much longer than a
 * plugin takes on a busy machine, and shorter than `connection_timeout`.
 */
const PATIENCE = 60_000;

/** What a client got: a response, an end without one, or something that is neither. */
export type Ending =
  | { readonly kind: "answered"; readonly response: Response }
  | { readonly kind: "unanswered" }
  /** The client went away first; what it may have got says nothing. */
  | { readonly kind: "left" }
  | { readonly kind: "fault"; readonly what: string };

/** What speaks for a client: it has steps to do, and takes what arrives. */
export interface Voice {
  /** The next step; undefined while it waits for bytes, or at its end. */
  next(): Step | undefined;
  /** Takes bytes of the agent. */
  take(bytes: Uint8Array): void;
  /** What the agent has said, as the client understands it. */
  heard(): Uint8Array;
  /** Called at the end. */
  end?(): void;
}

/** A client that speaks plainly. */
export function plainVoice(plan: Plan): Voice {
  let at = 0;
  const parts: Uint8Array[] = [];
  return {
    next: () => plan[at++],
    take: (bytes) => void parts.push(bytes),
    heard: () => parts.length === 1 ? parts[0]! : Buffer.concat(parts),
  };
}

interface Client {
  readonly number: number;
  readonly voice: Voice;
  readonly fd: number;
  /** What the kernel has not taken yet. */
  unsent: Uint8Array;
  state: "speaking" | "deaf" | "stalling" | "over";
  left: boolean;
}

/** How clients are run. */
export interface Running {
  readonly atOnce: number;
  /** Whether a response must be just as it is to be encoded, with nothing behind it. */
  readonly exact: boolean;
  /** Called again and again: the event loop stands still meanwhile. */
  readonly meanwhile?: () => void;
}

/**
 * Runs clients against an agent on a port of loopback until each of them has come to its end.
 * @returns What each got, in their order.
 */
export function runClients(
  port: number,
  voices: readonly Voice[],
  { atOnce, exact, meanwhile = () => {} }: Running,
): Ending[] {
  const endings: Ending[] = new Array(voices.length);
  const open: Client[] = [];
  let begun = 0;
  let progress = now();
  try {
    for (;;) {
      while (begun < voices.length && open.length < atOnce) {
        open.push(beginClient(port, voices[begun]!, begun));
        begun++;
      }
      // Those that stall are let go when they are the last, or keep the others from coming.
      const speaking = open.filter(({ state }) => state !== "stalling");
      if (speaking.length === 0 || (open.length === atOnce && 2 * speaking.length < atOnce)) {
        for (const client of open) if (client.state === "stalling") leave(client, "reset");
      }
      if (open.length === 0) return endings;
      const conditions = waitFor(open.map(awaitedOf), now() + 10);
      let moved = false;
      open.forEach((client, at) => {
        if (advance(client, conditions[at]!)) moved = true;
      });
      for (let at = open.length - 1; at >= 0; at--) {
        if (open[at]!.state !== "over") continue;
        const [client] = open.splice(at, 1) as [Client];
        endings[client.number] = endingOf(client, exact);
        closeFile(client.fd);
        moved = true;
      }
      meanwhile();
      if (moved) progress = now();
      else if (now() - progress > PATIENCE) {
        const what = "the agent neither answers nor closes";
        for (const { number } of open) endings[number] = { kind: "fault", what };
        for (let at = begun; at < voices.length; at++) endings[at] = { kind: "left" };
        return endings;
      }
    }
  } finally {
    for (const { fd, voice } of open) {
      voice.end?.();
      closeFile(fd);
    }
  }
}

function beginClient(port: number, voice: Voice, number: number): Client {
  const fd = beginConnecting("127.0.0.1", port);
  if (fd < 0) throw new SystemError("connect", -fd, `127.0.0.1:${port}`);
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, new Int32Array([1]), 4);
  return { number, voice, fd, unsent: NOTHING, state: "speaking", left: false };
}

const NOTHING: Uint8Array = new Uint8Array(0);

function awaitedOf({ fd, state, unsent }: Client) {
  if (state === "stalling") return { fd: -1, events: 0 };
  return { fd, events: Poll.in | (unsent.byteLength > 0 || state === "speaking" ? Poll.out : 0) };
}

/** Goes one step further with a client; whether that was one. */
function advance(client: Client, conditions: number): boolean {
  let moved = false;
  if (conditions & (Poll.in | Poll.hangUp | Poll.error)) moved = hear(client);
  if (client.state === "over" || !(conditions & Poll.out)) return moved;
  if (client.unsent.byteLength > 0) return push(client) || moved;
  const step = client.voice.next();
  if (step === undefined) {
    client.state = "deaf";
    return moved;
  }
  switch (step.do) {
    case "send":
      client.unsent = step.bytes;
      push(client);
      return true;
    case "wait":
      return true;
    case "end":
      libc.shutdown(client.fd, SHUT_WR);
      client.state = "deaf";
      return true;
    case "stall":
      client.state = "stalling";
      return true;
    default:
      leave(client, step.do);
      return true;
  }
}

function leave(client: Client, how: "close" | "reset"): void {
  if (how === "reset") linger(client.fd, 0);
  client.left = true;
  client.state = "over";
}

/** Sends what the kernel takes. An agent that has closed is heard of when it is listened to. */
function push(client: Client): boolean {
  const { fd, unsent } = client;
  const count = libc.send(fd, unsent, unsent.byteLength, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0) {
    const errno = lastErrno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return false;
    client.unsent = NOTHING;
    client.state = "deaf";
    return true;
  }
  client.unsent = unsent.subarray(count);
  return count > 0;
}

const buffer = new Uint8Array(65536);

/** Takes what has arrived; whether there was something. */
function hear(client: Client): boolean {
  for (let moved = false;; moved = true) {
    const count = libc.recv(client.fd, buffer, buffer.byteLength, MSG_DONTWAIT);
    if (count > 0) {
      client.voice.take(buffer.slice(0, count));
      if (client.state === "deaf") client.state = "speaking";
      continue;
    }
    if (count < 0) {
      const errno = lastErrno();
      if (errno === Errno.EAGAIN || errno === Errno.EINTR) return moved;
    }
    // The end, or a reset: what arrived before it has been read.
    client.state = "over";
    return true;
  }
}

function endingOf({ voice, left }: Client, exact: boolean): Ending {
  const heard = voice.heard();
  voice.end?.();
  if (left) return { kind: "left" };
  if (heard.byteLength === 0) return { kind: "unanswered" };
  const decoding = decodeResponse(heard);
  const isWhole = decoding.kind === "packet" &&
    (!exact || Buffer.from(encodeResponse(decoding.packet)).equals(heard));
  if (isWhole) return { kind: "answered", response: decoding.packet };
  const begin = JSON.stringify(Buffer.from(heard.subarray(0, 60)).toString("latin1"));
  return { kind: "fault", what: `no response, but ${heard.byteLength} bytes: ${begin}` };
}
