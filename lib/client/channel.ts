/** Connections to an agent. Every wait has a deadline, and nothing is read before it is asked for. */
import { connect, type Socket } from "node:net";
import { constants } from "node:os";
import { closeFile, now, Poll, waitFor } from "../system/libc.ts";
import { beginConnecting, connectionError } from "../system/socket.ts";
import { callAt } from "../system/timer.ts";

/** Bytes that have arrived, or why there are none. */
export type Arrival =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "closed" }
  | { readonly kind: "timed out" }
  /** `code` is an error number's name, such as ECONNRESET, or the TLS library's. */
  | { readonly kind: "failed"; readonly code: string; readonly reason: string };

/** A connection, plain or with TLS on it. */
export interface Channel {
  /**
   * Waits for bytes.
   * @param deadline In milliseconds of `now()`.
   */
  readonly receive: (deadline: number) => Promise<Arrival>;
  /** Sends bytes. A failure shows when bytes are awaited. */
  readonly send: (bytes: Uint8Array) => void;
  readonly close: () => void;
}

/** A connection as the kernel has it. */
export interface PlainChannel extends Channel {
  /** For the TLS library to take over. Nothing has been received from it by then. */
  readonly socket: Socket;
}

/** A connection, or why there is none. */
export type Opening =
  | { readonly kind: "open"; readonly channel: PlainChannel }
  | { readonly kind: "timed out" }
  /** An error number of errno(3), and its name. */
  | { readonly kind: "failed"; readonly code: string; readonly errno: number };

/** Where to connect to. */
export interface Place {
  /** An IPv4 or IPv6 address. */
  readonly address: string;
  readonly port: number;
  /** The local address to connect from; undefined where the kernel is to choose. */
  readonly from?: string | undefined;
}

/**
 * Connects.
 * @param deadline In milliseconds of `now()`.
 */
export async function openChannel(
  { address, port, from }: Place,
  deadline: number,
): Promise<Opening> {
  const { promise, resolve } = Promise.withResolvers<Opening>();
  const local = from === undefined ? {} : { localAddress: from };
  const socket = connect({ host: address, port, ...local });
  // A response is complete before the connection ends; what happens afterwards is of no interest.
  socket.on("error", ({ code = "", errno = 0 }: NodeJS.ErrnoException) => {
    resolve({ kind: "failed", code, errno: Math.abs(errno) });
  });
  socket.once("connect", () => {
    socket.setNoDelay(true);
    resolve({ kind: "open", channel: { socket, ...channelOn(socket) } });
  });
  const timer = callAt(deadline, () => resolve({ kind: "timed out" }));
  const opening = await promise;
  timer.cancel();
  if (opening.kind === "open") return opening;
  socket.destroy();
  // The runtime calls every failure a refusal.
  if (opening.kind === "failed" && opening.code === "ECONNREFUSED") {
    return await askFailure({ address, port, from }, deadline) ?? opening;
  }
  return opening;
}

/** How often to look whether a connection has failed, in milliseconds. */
const LOOK_INTERVAL = 10;

/** Connects once more to learn the kernel's error; undefined where there is none. */
async function askFailure(
  { address, port, from }: Place,
  deadline: number,
): Promise<Opening | undefined> {
  const fd = beginConnecting(address, port, from);
  if (fd < 0) return failureOf(-fd);
  try {
    while (now() < deadline) {
      const [ready] = waitFor([{ fd, events: Poll.out }], now());
      if (ready !== 0) {
        const errno = connectionError(fd);
        return errno === 0 ? undefined : failureOf(errno);
      }
      await new Promise<void>((resolve) => callAt(now() + LOOK_INTERVAL, resolve));
    }
    return { kind: "timed out" };
  } finally {
    closeFile(fd);
  }
}

function failureOf(errno: number): Opening {
  const named = Object.entries(constants.errno).find(([, number]) => number === errno);
  return { kind: "failed", code: named?.[0] ?? "", errno };
}

/** A channel of a stream of the runtime, from which it reads only when bytes are awaited. */
export function channelOn(stream: Socket): Channel {
  const chunks: Uint8Array[] = [];
  let listening = false;
  let ending: Arrival | undefined;
  let wake = () => {};
  const end = (arrival: Arrival) => {
    ending ??= arrival;
    wake();
  };
  stream.on("error", ({ code = "", message }: NodeJS.ErrnoException) => {
    end({ kind: "failed", code, reason: message });
  });
  stream.on("end", () => end({ kind: "closed" }));
  stream.on("close", () => end({ kind: "closed" }));
  const take = (chunk: Uint8Array) => {
    chunks.push(chunk);
    stream.pause();
    wake();
  };
  return {
    async receive(deadline) {
      if (chunks.length === 0 && ending === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = callAt(deadline, resolve);
        wake = resolve;
        if (!listening) stream.on("data", take);
        listening = true;
        stream.resume();
        await promise;
        timer.cancel();
      }
      const bytes = chunks.shift();
      if (bytes !== undefined) return { kind: "bytes", bytes };
      return ending ?? { kind: "timed out" };
    },
    send: (bytes) => void stream.write(bytes),
    close: () => void stream.destroy(),
  };
}
