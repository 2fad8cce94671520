import type { PeerCertificate } from "node:tls";
import { closeFile, now, SystemError } from "./libc.ts";
import {
  acknowledgeNow,
  type Endpoint,
  holdBack,
  keepAlive,
  linger,
  peerOf,
  serverEndOf,
  socketPair,
} from "./socket.ts";

/**
 * Connections of an event loop, on the runtime's own sockets: `node:net` and `node:tls` do the same
 * through layers of streams, which take 2.5 ms to load and half of a small check's time to pass.
 */

/** Bytes that have arrived, or why there are none. */
export type Arrival =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "timed out" }
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly reason: string };

/** What a TLS server is made of; PEM in byte strings, versions as in the protocol. */
export interface TlsOptions {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  readonly ciphers?: string;
  readonly minVersion?: number;
  readonly maxVersion?: number;
  readonly requestCert?: boolean;
}

/** What came of a handshake. */
export type Handshake =
  | {
    readonly kind: "secure";
    readonly version: string;
    readonly cipher: string;
    /** The client's certificate; nothing where it has shown none. */
    readonly certificate: PeerCertificate | undefined;
    /** Why the client's certificate is not good: the library's X509_V_ERR_ name. */
    readonly doubt: string | undefined;
  }
  | { readonly kind: "closed" }
  | { readonly kind: "timed out" }
  /** The TLS library's complaint. */
  | { readonly kind: "failed"; readonly reason: string };

/** A connection with a client, plain or, from a handshake on, TLS. */
export interface Stream {
  /** The client; undefined where the socket is not of an internet family. */
  readonly client: Endpoint | undefined;
  /** This end of the connection; undefined as the client is, and once it is closed. */
  readonly server: () => Endpoint | undefined;
  // The descriptor is nobody else's business: as soon as the runtime has closed it, the number can be
  // another connection's.
  /** Turns SO_KEEPALIVE on, see socket(7). */
  readonly keepAlive: () => void;
  /** Sets SO_LINGER, see socket(7). */
  readonly linger: (seconds: number) => void;
  /** Lets the kernel acknowledge what has arrived now, see {@link acknowledgeNow}. */
  readonly acknowledge: () => void;
  /**
   * Waits for bytes; as long as nobody does, the client can send only as much as the kernel holds.
   * @param deadline In milliseconds of {@link now}.
   */
  readonly receive: (deadline: number) => Promise<Arrival>;
  /** Sends bytes; settled when the kernel has all of them, or the connection is gone. */
  readonly send: (bytes: Uint8Array) => Promise<void>;
  /**
   * Sends last bytes and ends the own direction, where both fit in one segment: response, TLS's goodbye
   * and TCP's end wake the client up once. Settled as sending is, or at a deadline.
   */
  readonly finish: (bytes: Uint8Array, deadline: number) => Promise<void>;
  /**
   * Makes TLS of a connection of which nothing has been read.
   * @param deadline In milliseconds of {@link now}.
   */
  readonly secure: (options: TlsOptions, deadline: number) => Promise<Handshake>;
  /** Calls a function when the connection is closed, or now where it is. */
  readonly whenClosed: (act: () => void) => void;
  readonly close: () => void;
  /** Closes it such that the client sees a reset. */
  readonly reset: () => void;
}

/** The runtime's socket, as far as it is used here; its declarations do not know all of it. */
interface Wire {
  readonly fd: number;
  data: Ears | undefined;
  readonly write: (bytes: Uint8Array) => number;
  readonly shutdown: () => void;
  readonly close: () => void;
  readonly terminate: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly upgradeTLS: (options: object) => [plain: Wire, secure: Wire];
  readonly getTLSVersion: () => string;
  readonly getCipher: () => { readonly standardName: string };
  readonly getPeerCertificate: () => PeerCertificate | undefined;
}

/** Who hears what happens to a wire. */
interface Ears {
  readonly data: (wire: Wire, bytes: Uint8Array) => void;
  readonly drain: (wire: Wire) => void;
  readonly ended: (wire: Wire, arrival: Arrival) => void;
  readonly closed: (wire: Wire) => void;
  readonly shaken: (wire: Wire, done: boolean, error: NodeJS.ErrnoException | null) => void;
}

/** Session tickets are for clients that come back on the same terms; a check never does. */
const SSL_OP_NO_TICKET = 0x4000;

const HANDLERS = {
  binaryType: "uint8array",
  data: (wire: Wire, bytes: Uint8Array) => wire.data?.data(wire, bytes),
  drain: (wire: Wire) => wire.data?.drain(wire),
  end: (wire: Wire) => wire.data?.ended(wire, { kind: "closed" }),
  error: (wire: Wire, { message }: Error) =>
    wire.data?.ended(wire, { kind: "failed", reason: message }),
  close: (wire: Wire) => wire.data?.closed(wire),
} as const;

const TLS_HANDLERS = {
  ...HANDLERS,
  handshake: (wire: Wire, done: boolean, error: NodeJS.ErrnoException | null) =>
    wire.data?.shaken(wire, done, error),
} as const;

/** Makes a stream of a descriptor that is connected, with a client where it is an address's. */
export function adopt(fd: number, client?: Endpoint): Stream {
  let stream: Stream | undefined;
  connectTo(fd, (wire) => void (stream = streamOn(wire, client)));
  return stream!;
}

/** Something that accepts connections. */
export interface Acceptor {
  /** Accepts no more. */
  readonly close: () => void;
}

/** Takes a connection that has been accepted, with nothing of it read. */
export interface Accept {
  /** @param number Its descriptor's number, which was the lowest that was free. */
  (stream: Stream, number: number): void;
}

/** Accepts connections on a socket that listens, but none whose client has gone already. */
export function acceptOn(fd: number, accept: Accept): Acceptor {
  const open = (wire: Wire) => {
    const { fd: number } = wire;
    const client = clientOf(wire);
    if (client === "gone") wire.terminate();
    else accept(streamOn(wire, client), number);
  };
  const options = { fd, allowHalfOpen: true, socket: { ...HANDLERS, open } };
  const listener = Bun.listen(options as unknown as Bun.TCPSocketListenOptions);
  return { close: () => listener.stop() };
}

/** Why the TLS library does not take some options; undefined where it does. */
export function complaintOf(options: TlsOptions): NodeJS.ErrnoException | undefined {
  let complaint: NodeJS.ErrnoException | undefined;
  // They are tried on a socket that leads nowhere. The runtime keeps what it has made of them.
  const [fd, other] = socketPair();
  const open = (wire: Wire) => {
    try {
      upgrade(wire, options).terminate();
    } catch (error) {
      complaint = error as NodeJS.ErrnoException;
      wire.terminate();
    }
  };
  connectTo(fd, open);
  closeFile(other);
  return complaint;
}

/** Opens a wire on a connected descriptor, before this returns. */
function connectTo(fd: number, open: (wire: Wire) => void): void {
  const options = { fd, allowHalfOpen: true, socket: { ...HANDLERS, open } };
  // What happens to it later, the wire says.
  Bun.connect(options as unknown as Bun.TCPSocketConnectOptions).catch(() => {});
}

function upgrade(plain: Wire, tls: TlsOptions): Wire {
  const all = { ...tls, rejectUnauthorized: false, secureOptions: SSL_OP_NO_TICKET };
  const options = { isServer: true, tls: all, data: plain.data, socket: TLS_HANDLERS };
  const [, secure] = plain.upgradeTLS(options);
  return secure;
}

function streamOn(plain: Wire, client: Endpoint | undefined): Stream {
  const chunks: Uint8Array[] = [];
  const closing: (() => void)[] = [];
  let wire = plain;
  let open = true;
  let paused = true;
  let awaited = false;
  let ending: Arrival | undefined;
  let unsent: Uint8Array = new Uint8Array(0);
  let last = false;
  let wake = () => {};
  let sent = () => {};
  let shaken = (_: Handshake) => {};

  const push = () => {
    if (last) holdBack(wire.fd, true);
    const count = wire.write(unsent);
    unsent = unsent.subarray(Math.max(0, count));
    const over = count < 0 || unsent.byteLength === 0;
    if (over && last) wire.shutdown();
    // The runtime may have closed it by then, and the number may be another's.
    if (open && last) holdBack(wire.fd, false);
    if (over) sent();
  };
  const send = (bytes: Uint8Array): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (!open) resolve();
    else {
      sent = resolve;
      unsent = bytes;
      push();
    }
    return promise;
  };
  const end = (arrival: Arrival) => {
    ending ??= arrival;
    wake();
  };
  plain.data = {
    data(from, bytes) {
      // The plain half of a TLS connection goes on telling what it carries.
      if (from !== wire) return;
      chunks.push(bytes);
      if (awaited) return wake();
      paused = true;
      wire.pause();
    },
    drain: (from) => from === wire && unsent.byteLength > 0 && push(),
    ended: (from, arrival) => from === wire && end(arrival),
    shaken: (from, done, error) => shaken(handshakeOf(from, done, error)),
    closed() {
      if (!open) return;
      open = false;
      end({ kind: "closed" });
      sent();
      shaken({ kind: "closed" });
      for (const act of closing) act();
    },
  };
  plain.pause();

  return {
    client,
    server: () => open ? serverEndOf(wire.fd) : undefined,
    keepAlive() {
      if (open) keepAlive(wire.fd);
    },
    linger(seconds) {
      if (open) linger(wire.fd, seconds);
    },
    acknowledge() {
      if (open) acknowledgeNow(wire.fd);
    },
    async receive(deadline) {
      if (chunks.length === 0 && ending === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, Math.max(0, deadline - now()));
        wake = resolve;
        awaited = true;
        if (paused) wire.resume();
        paused = false;
        await promise;
        clearTimeout(timer);
        awaited = false;
      }
      const bytes = chunks.shift();
      if (bytes !== undefined) return { kind: "bytes", bytes };
      return ending ?? { kind: "timed out" };
    },
    send,
    async finish(bytes, deadline) {
      last = true;
      const whole = send(bytes);
      if (unsent.byteLength === 0) return;
      const timer = setTimeout(() => sent(), deadline - now());
      await whole;
      clearTimeout(timer);
    },
    async secure(options, deadline) {
      const { promise, resolve } = Promise.withResolvers<Handshake>();
      const timer = setTimeout(resolve, deadline - now(), { kind: "timed out" });
      shaken = resolve;
      if (open) {
        wire = upgrade(plain, options);
        wire.resume();
        paused = false;
      } else resolve({ kind: "closed" });
      const handshake = await promise;
      clearTimeout(timer);
      return handshake;
    },
    whenClosed(act) {
      if (open) closing.push(act);
      else act();
    },
    close() {
      if (open) wire.close();
    },
    reset() {
      if (open) wire.terminate();
    },
  };
}

function clientOf({ fd }: Wire): Endpoint | undefined | "gone" {
  try {
    return peerOf(fd);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return "gone";
  }
}

function handshakeOf(wire: Wire, done: boolean, error: NodeJS.ErrnoException | null): Handshake {
  if (!done && error?.code === "ECONNRESET") return { kind: "closed" };
  if (!done) return { kind: "failed", reason: error?.message ?? "" };
  return {
    kind: "secure",
    version: wire.getTLSVersion(),
    cipher: wire.getCipher().standardName,
    certificate: wire.getPeerCertificate(),
    doubt: error?.code,
  };
}
