import type { PeerCertificate } from "node:tls";
import { decodeBytes } from "../bytes.ts";
import { closeFile, now, SystemError } from "./libc.ts";
import {
  acknowledgeNow,
  cork,
  duplicate,
  type Endpoint,
  keepAlive,
  linger,
  peerOf,
  serverEndOf,
  socketPair,
} from "./socket.ts";
import { callAt } from "./timer.ts";

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
  /** Whether clients are asked for a certificate. */
  readonly requestCert?: boolean;
  /** Whether the handshake fails, with the alert for it, where a client shows no certificate. */
  readonly requireCert?: boolean;
  /**
   * Makes the bytes that end the connection with a client whose certificate is not good; nothing where
   * TLS's own goodbye is to do. The library completes such a handshake, and has no words for it.
   */
  readonly refuse?: (refused: RefusedClient) => Uint8Array | undefined;
}

/** A client whose certificate is not good, after the handshake, before anything else was sent. */
export interface RefusedClient {
  readonly version: string;
  readonly cipher: string;
  /** What is wrong: the library's X509_V_ERR_ name. */
  readonly doubt: string;
  /** The connection's secrets, in lines of the SSLKEYLOGFILE format (RFC 9850). */
  readonly secrets: readonly string[];
}

/**
 * What came of a handshake. Where it failed, or the client's certificate is not good, the client has
 * been told so and the own direction has ended: what it still sends is to be read away, see
 * {@link drain}, before the stream is closed.
 */
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
  | {
    readonly kind: "failed";
    /** The TLS library's complaint. */
    readonly reason: string;
    /** What the client had sent last. */
    readonly heard: Uint8Array;
  };

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
interface RuntimeSocket {
  readonly fd: number;
  data: SocketHandlers | undefined;
  readonly write: (bytes: Uint8Array) => number;
  readonly shutdown: () => void;
  readonly close: () => void;
  readonly terminate: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly upgradeTLS: (options: object) => [plain: RuntimeSocket, secure: RuntimeSocket];
  readonly getTLSVersion: () => string;
  readonly getCipher: () => { readonly standardName: string };
  readonly getPeerCertificate: () => PeerCertificate | undefined;
}

/** Who hears what happens to a wire. */
interface SocketHandlers {
  readonly data: (wire: RuntimeSocket, bytes: Uint8Array) => void;
  readonly drain: (wire: RuntimeSocket) => void;
  readonly ended: (wire: RuntimeSocket, arrival: Arrival) => void;
  readonly closed: (wire: RuntimeSocket) => void;
  readonly secret: (line: Uint8Array) => void;
  readonly shaken: (
    wire: RuntimeSocket,
    done: boolean,
    error: NodeJS.ErrnoException | null,
  ) => void;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Session tickets are for clients that come back on the same terms; a check never does. */
const SSL_OP_NO_TICKET = 0x4000;

const HANDLERS = {
  binaryType: "uint8array",
  data: (wire: RuntimeSocket, bytes: Uint8Array) => wire.data?.data(wire, bytes),
  drain: (wire: RuntimeSocket) => wire.data?.drain(wire),
  end: (wire: RuntimeSocket) => wire.data?.ended(wire, { kind: "closed" }),
  error: (wire: RuntimeSocket, { message }: Error) =>
    wire.data?.ended(wire, { kind: "failed", reason: message }),
  close: (wire: RuntimeSocket) => wire.data?.closed(wire),
} as const;

const TLS_HANDLERS = {
  ...HANDLERS,
  handshake: (wire: RuntimeSocket, done: boolean, error: NodeJS.ErrnoException | null) =>
    wire.data?.shaken(wire, done, error),
} as const;

/** They hear the connection's secrets as well, before the handshake is done. */
const SECRET_HANDLERS = {
  ...TLS_HANDLERS,
  keylog: (wire: RuntimeSocket, line: Uint8Array) => wire.data?.secret(line),
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
  const open = (wire: RuntimeSocket) => {
    const { fd: number } = wire;
    const client = clientOrGone(wire);
    if (client === "gone") wire.terminate();
    else accept(streamOn(wire, client), number);
  };
  const options = { fd, allowHalfOpen: true, socket: { ...HANDLERS, open } };
  const listener = Bun.listen(options as unknown as Bun.TCPSocketListenOptions);
  return { close: () => listener.stop() };
}

/** Why the TLS library does not take some options; undefined where it does. */
export function tlsOptionsError(options: TlsOptions): NodeJS.ErrnoException | undefined {
  let complaint: NodeJS.ErrnoException | undefined;
  // They are tried on a socket that leads nowhere. The runtime keeps what it has made of them.
  const [fd, other] = socketPair();
  const open = (wire: RuntimeSocket) => {
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

/**
 * Reads away what a client still sends until it ends the connection, but not for long: closing a
 * socket with unread bytes resets the connection, and what is on its way may be lost with it.
 *
 * @param deadline In milliseconds of {@link now}.
 * @param limit How much is read, in bytes.
 */
export async function drain(
  stream: Stream,
  deadline: number,
  limit: number = Number.MAX_SAFE_INTEGER,
): Promise<void> {
  for (let length = 0; length < limit && now() < deadline;) {
    const arrival = await stream.receive(deadline);
    if (arrival.kind !== "bytes") return;
    length += arrival.bytes.byteLength;
  }
}

/** Opens a wire on a connected descriptor, before this returns. */
function connectTo(fd: number, open: (wire: RuntimeSocket) => void): void {
  const options = { fd, allowHalfOpen: true, socket: { ...HANDLERS, open } };
  // What happens to it later, the wire says.
  Bun.connect(options as unknown as Bun.TCPSocketConnectOptions).catch(() => {});
}

function upgrade(plain: RuntimeSocket, tls: TlsOptions): RuntimeSocket {
  const { requireCert = false, refuse, ...rest } = tls;
  const all = { ...rest, rejectUnauthorized: requireCert, secureOptions: SSL_OP_NO_TICKET };
  const socket = refuse === undefined ? TLS_HANDLERS : SECRET_HANDLERS;
  const options = { isServer: true, tls: all, data: plain.data, socket };
  const [, secure] = plain.upgradeTLS(options);
  return secure;
}

/** A handshake that is going on. */
interface PendingHandshake {
  readonly done: (handshake: Handshake) => void;
  readonly fail: (error: unknown) => void;
  readonly refuse: TlsOptions["refuse"];
  readonly secrets: Uint8Array[];
  /** What has come last from the client. */
  heard: Uint8Array;
}

function streamOn(plain: RuntimeSocket, client: Endpoint | undefined): Stream {
  const chunks: Uint8Array[] = [];
  const closing: (() => void)[] = [];
  let wire = plain;
  let open = true;
  let paused = true;
  let awaited = false;
  let ending: Arrival | undefined;
  let unsent = NO_BYTES;
  let last = false;
  let wake = () => {};
  let sent = () => {};
  let shaking: PendingHandshake | undefined;

  const push = () => {
    if (last) cork(wire.fd, true);
    const count = wire.write(unsent);
    unsent = unsent.subarray(Math.max(0, count));
    const over = count < 0 || unsent.byteLength === 0;
    if (over && last) wire.shutdown();
    // The runtime may have closed it by then, and the number may be another's.
    if (open && last) cork(wire.fd, false);
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
  /**
   * Ends the own direction of a connection whose handshake has come to nothing, and keeps the
   * connection itself on a descriptor of its own. The runtime is about to close its one, and a reset in
   * answer to what the client still sends would overtake the alert.
   */
  const outlive = (from: RuntimeSocket, words: Uint8Array | undefined) => {
    let fd: number;
    try {
      fd = duplicate(from.fd);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      from.shutdown();
      return from.close();
    }
    connectTo(fd, (own) => {
      own.data = plain.data;
      own.pause();
      paused = true;
      wire = own;
      if (words !== undefined) own.write(words);
      // After that TLS can say no more: its own goodbye would repeat the sequence number of these words.
      own.shutdown();
    });
    if (wire === from) closeFile(fd);
    from.close();
  };
  plain.data = {
    data(from, bytes) {
      // The plain half of a TLS connection goes on telling what it carries.
      if (from !== wire) {
        if (shaking !== undefined) shaking.heard = bytes;
        return;
      }
      chunks.push(bytes);
      if (awaited) return wake();
      paused = true;
      wire.pause();
    },
    drain: (from) => from === wire && unsent.byteLength > 0 && push(),
    ended: (from, arrival) => from === wire && end(arrival),
    secret: (line) => void shaking?.secrets.push(line),
    shaken(from, done, error) {
      if (shaking === undefined) return;
      const { done: settle, fail, refuse, secrets, heard } = shaking;
      shaking = undefined;
      try {
        const handshake = handshakeOf(from, done, error, heard);
        if (handshake.kind === "failed") outlive(from, undefined);
        else if (handshake.kind === "secure" && handshake.doubt !== undefined) {
          const words = refusalRecord(handshake, secrets, refuse);
          if (words === undefined) from.shutdown();
          outlive(from, words);
        }
        settle(handshake);
      } catch (fault) {
        // The runtime would take what is thrown here for an error of the connection.
        fail(fault);
      }
    },
    closed(from) {
      if (!open || from !== wire) return;
      open = false;
      end({ kind: "closed" });
      sent();
      shaking?.done({ kind: "closed" });
      shaking = undefined;
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
        const timer = callAt(deadline, resolve);
        wake = resolve;
        awaited = true;
        if (paused) wire.resume();
        paused = false;
        await promise;
        timer.cancel();
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
      const timer = callAt(deadline, () => sent());
      await whole;
      timer.cancel();
    },
    async secure(options, deadline) {
      const { promise, resolve, reject } = Promise.withResolvers<Handshake>();
      const timer = callAt(deadline, () => resolve({ kind: "timed out" }));
      if (open) {
        const { refuse } = options;
        shaking = { done: resolve, fail: reject, refuse, secrets: [], heard: NO_BYTES };
        wire = upgrade(plain, options);
        wire.resume();
        paused = false;
      } else resolve({ kind: "closed" });
      const handshake = await promise;
      // Closing a wire in the middle of a handshake makes that one fail.
      shaking = undefined;
      timer.cancel();
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

function clientOrGone({ fd }: RuntimeSocket): Endpoint | undefined | "gone" {
  try {
    return peerOf(fd);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return "gone";
  }
}

function handshakeOf(
  wire: RuntimeSocket,
  done: boolean,
  error: NodeJS.ErrnoException | null,
  heard: Uint8Array,
): Handshake {
  if (!done && error?.code === "ECONNRESET") return { kind: "closed" };
  if (!done) return { kind: "failed", reason: error?.message ?? "", heard };
  const certificate = wire.getPeerCertificate();
  return {
    kind: "secure",
    version: wire.getTLSVersion(),
    cipher: wire.getCipher().standardName,
    certificate,
    // Without a certificate the runtime misses its issuer.
    doubt: certificate === undefined ? undefined : error?.code,
  };
}

function refusalRecord(
  { version, cipher, doubt = "" }: Handshake & { readonly kind: "secure" },
  secrets: readonly Uint8Array[],
  refuse: TlsOptions["refuse"],
): Uint8Array | undefined {
  return refuse?.({ version, cipher, doubt, secrets: secrets.map((line) => decodeBytes(line)) });
}
