import type { PeerCertificate } from "node:tls";
import { decodeBytes } from "../bytes.ts";
import { closeFile, Errno, now, SystemError } from "./libc.ts";
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
 * Connections on the event loop, by the runtime's own sockets. `node:net` and `node:tls` add layers of
 * streams, which take 2.5 ms to load and half of the time of a small check.
 */

/** Bytes that have arrived, or why there are none. */
export type Arrival =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "timed out" }
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly reason: string };

/** The settings of a TLS server; PEM in byte strings, versions as in the protocol. */
export interface TlsOptions {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  /** Revocation lists, one in each. Every CA in a client's chain must then have one in force. */
  readonly crl?: readonly string[];
  readonly ciphers?: string;
  readonly minVersion?: number;
  readonly maxVersion?: number;
  /** Whether clients are asked for a certificate. */
  readonly requestCert?: boolean;
  /** Whether the handshake fails, with an alert, for a client without a certificate. */
  readonly requireCert?: boolean;
  /**
   * Makes the record that ends the connection with a client whose certificate is not valid; without
   * one, close_notify is sent. The library completes such a handshake and sends no alert.
   */
  readonly refuse?: (refused: RefusedClient) => Uint8Array | undefined;
  /**
   * Judges a client's certificate, in DER, that the library accepts.
   * @returns Why it is not valid, as {@link RefusedClient} has it; undefined where it is.
   */
  readonly judge?: (certificate: Uint8Array) => string | undefined;
}

/** A client whose certificate is not valid, after the handshake. */
export interface RefusedClient {
  readonly version: string;
  readonly cipher: string;
  /** What is wrong with it: the library's X509_V_ERR_ name, or what `judge` says. */
  readonly doubt: string;
  /** The connection's secrets, as lines in SSLKEYLOGFILE format (RFC 9850). */
  readonly secrets: readonly string[];
}

/**
 * The result of a handshake. Where it failed, or the client's certificate is not valid, an alert has
 * been sent and the sending direction is shut down. The caller drains the stream before it closes it,
 * see {@link drain}.
 */
export type Handshake =
  | {
    readonly kind: "secure";
    readonly version: string;
    readonly cipher: string;
    /** The client's certificate, if it has sent one. */
    readonly certificate: PeerCertificate | undefined;
    /** Why the client's certificate is not valid: the library's X509_V_ERR_ name, or what `judge` says. */
    readonly doubt: string | undefined;
  }
  | { readonly kind: "closed" }
  | { readonly kind: "timed out" }
  | {
    readonly kind: "failed";
    /** The TLS library's error. */
    readonly reason: string;
    readonly heard: Uint8Array;
  };

/** A connection with a client, plain or, from a handshake on, TLS. */
export interface Stream {
  /** The client; undefined for a socket of another family than IPv4 and IPv6. */
  readonly client: Endpoint | undefined;
  /** This end of the connection; undefined as the client is, and after it is closed. */
  readonly server: () => Endpoint | undefined;
  // The descriptor is not exposed: once the runtime has closed it, the number may be another
  // connection's.
  readonly keepAlive: () => void;
  readonly linger: (seconds: number) => void;
  /** Makes the kernel send the pending acknowledgement, see {@link acknowledgeNow}. */
  readonly acknowledge: () => void;
  /**
   * Waits for bytes. Between calls nothing is read, so the client can send only what the kernel
   * buffers.
   * @param deadline In milliseconds of {@link now}.
   */
  readonly receive: (deadline: number) => Promise<Arrival>;
  /** Sends bytes. Settled when the kernel has taken all of them, or the connection is closed. */
  readonly send: (bytes: Uint8Array) => Promise<void>;
  /**
   * Sends the last bytes and shuts the sending direction down, in one segment where they fit: response,
   * close_notify and FIN wake the client up once. Settled as for `send`, or at a deadline.
   */
  readonly finish: (bytes: Uint8Array, deadline: number) => Promise<void>;
  /**
   * Starts TLS on a connection from which nothing has been read.
   * @param deadline In milliseconds of {@link now}.
   */
  readonly secure: (options: TlsOptions, deadline: number) => Promise<Handshake>;
  /** Calls a function when the connection is closed, or now if it is. */
  readonly whenClosed: (act: () => void) => void;
  readonly close: () => void;
  /** Resets the connection. */
  readonly reset: () => void;
}

/** The part of the runtime's socket that is used here, some of which its types lack. */
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

/** The callbacks of a socket. */
interface SocketHandlers {
  readonly data: (socket: RuntimeSocket, bytes: Uint8Array) => void;
  readonly drain: (socket: RuntimeSocket) => void;
  readonly ended: (socket: RuntimeSocket, arrival: Arrival) => void;
  readonly closed: (socket: RuntimeSocket) => void;
  readonly secret: (line: Uint8Array) => void;
  readonly handshaken: (
    socket: RuntimeSocket,
    done: boolean,
    error: NodeJS.ErrnoException | null,
  ) => void;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** No session tickets: check_nrpe resumes no session. */
const SSL_OP_NO_TICKET = 0x4000;

const HANDLERS = {
  binaryType: "uint8array",
  data: (socket: RuntimeSocket, bytes: Uint8Array) => socket.data?.data(socket, bytes),
  drain: (socket: RuntimeSocket) => socket.data?.drain(socket),
  end: (socket: RuntimeSocket) => socket.data?.ended(socket, { kind: "closed" }),
  error: (socket: RuntimeSocket, { message }: Error) =>
    socket.data?.ended(socket, { kind: "failed", reason: message }),
  close: (socket: RuntimeSocket) => socket.data?.closed(socket),
} as const;

const TLS_HANDLERS = {
  ...HANDLERS,
  handshake: (socket: RuntimeSocket, done: boolean, error: NodeJS.ErrnoException | null) =>
    socket.data?.handshaken(socket, done, error),
} as const;

/** With the connection's secrets, before the handshake is complete. */
const SECRET_HANDLERS = {
  ...TLS_HANDLERS,
  keylog: (socket: RuntimeSocket, line: Uint8Array) => socket.data?.secret(line),
} as const;

/**
 * Makes a stream of a connected descriptor.
 * @throws {SystemError} when the event loop does not take it, for want of memory. It is still open then.
 */
export function adopt(fd: number, client?: Endpoint): Stream {
  let stream!: Stream;
  connectTo(fd, (socket) => void (stream = streamOn(socket, client)));
  return stream;
}

/** A socket that accepts connections. */
export interface Acceptor {
  readonly close: () => void;
}

/** Takes an accepted connection, from which nothing has been read. */
export interface Accept {
  /**
   * @param stream undefined where the client has reset the connection meanwhile.
   * @param number Its descriptor, which was the lowest free one.
   */
  (stream: Stream | undefined, number: number): void;
}

/**
 * Accepts connections on a listening socket.
 * @param failed Called with the error number for one whose client the kernel does not name. It is reset.
 * @throws {SystemError} when the event loop does not take the socket, which is closed then.
 */
export function acceptOn(fd: number, accept: Accept, failed: (errno: number) => void): Acceptor {
  const open = (socket: RuntimeSocket) => {
    const { fd: number } = socket;
    let client: Endpoint | undefined;
    try {
      client = peerOf(number);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      socket.terminate();
      if (error.errno !== Errno.ENOTCONN) failed(error.errno);
      accept(undefined, number);
      return;
    }
    accept(streamOn(socket, client), number);
  };
  const options = { fd, allowHalfOpen: true, socket: { ...HANDLERS, open } };
  try {
    const listener = Bun.listen(options as unknown as Bun.TCPSocketListenOptions);
    return { close: () => listener.stop() };
  } catch {
    closeFile(fd);
    // The runtime does not say which error it was.
    throw new SystemError("listen", Errno.ENOMEM);
  }
}

/**
 * Why the TLS library rejects some options; undefined where it accepts them.
 * @throws {SystemError} when there is no socket to try them on.
 */
export function tlsOptionsError(options: TlsOptions): NodeJS.ErrnoException | undefined {
  let problem: NodeJS.ErrnoException | undefined;
  // They are tried on a socket pair. The runtime caches the context that it makes.
  const [fd, other] = socketPair();
  const open = (socket: RuntimeSocket) => {
    try {
      upgrade(socket, options).terminate();
    } catch (error) {
      problem = error as NodeJS.ErrnoException;
      socket.terminate();
    }
  };
  try {
    connectTo(fd, open);
  } catch (error) {
    closeFile(fd);
    throw error;
  } finally {
    closeFile(other);
  }
  return problem;
}

/**
 * Discards what a client sends until it closes the connection or a deadline passes: closing a socket
 * with unread bytes resets the connection, and the client may lose what was sent to it.
 *
 * @param deadline In milliseconds of {@link now}.
 * @param limit How much is discarded, in bytes.
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

/**
 * Makes a socket of a connected descriptor. `open` is called before this returns.
 * @throws {SystemError} when the event loop does not take it, for want of memory. It is still open then.
 */
function connectTo(fd: number, open: (socket: RuntimeSocket) => void): void {
  let taken = false;
  const take = (socket: RuntimeSocket) => {
    taken = true;
    open(socket);
  };
  const options = { fd, allowHalfOpen: true, socket: { ...HANDLERS, open: take } };
  // Later errors reach the socket's handlers.
  Bun.connect(options as unknown as Bun.TCPSocketConnectOptions).catch(() => {});
  // The runtime does not say which error it was.
  if (!taken) throw new SystemError("epoll_ctl", Errno.ENOMEM);
}

function upgrade(plain: RuntimeSocket, tls: TlsOptions): RuntimeSocket {
  const { requireCert = false, refuse, judge: _, ...rest } = tls;
  const all = { ...rest, rejectUnauthorized: requireCert, secureOptions: SSL_OP_NO_TICKET };
  const socket = refuse === undefined ? TLS_HANDLERS : SECRET_HANDLERS;
  const options = { isServer: true, tls: all, data: plain.data, socket };
  const [, secure] = plain.upgradeTLS(options);
  return secure;
}

interface PendingHandshake {
  readonly done: (handshake: Handshake) => void;
  readonly fail: (error: unknown) => void;
  readonly refuse: TlsOptions["refuse"];
  readonly judge: TlsOptions["judge"];
  readonly secrets: Uint8Array[];
  heard: Uint8Array;
}

function streamOn(plain: RuntimeSocket, client: Endpoint | undefined): Stream {
  const chunks: Uint8Array[] = [];
  const closing: (() => void)[] = [];
  let socket = plain;
  let open = true;
  let paused = true;
  let awaited = false;
  let ending: Arrival | undefined;
  let unsent = NO_BYTES;
  let last = false;
  let wake = () => {};
  let sent = () => {};
  let handshaking: PendingHandshake | undefined;

  const push = () => {
    if (last) cork(socket.fd, true);
    const count = socket.write(unsent);
    unsent = unsent.subarray(Math.max(0, count));
    const over = count < 0 || unsent.byteLength === 0;
    if (over && last) socket.shutdown();
    // The runtime may have closed it, and the number may be another socket's.
    if (open && last) cork(socket.fd, false);
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
   * Shuts down the sending direction of a connection whose handshake has failed, and keeps the
   * connection open on a duplicate descriptor. The runtime closes its own, and the reset that answers
   * later bytes of the client would overtake the alert.
   */
  const outlive = (from: RuntimeSocket, record: Uint8Array | undefined) => {
    let fd: number | undefined;
    try {
      fd = duplicate(from.fd);
      connectTo(fd, (own) => {
        own.data = plain.data;
        own.pause();
        paused = true;
        socket = own;
        if (record !== undefined) own.write(record);
        // TLS must send no more: its close_notify would reuse the sequence number of this record.
        own.shutdown();
      });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (fd !== undefined) closeFile(fd);
      // Nothing more can be sent than what the library sends by itself.
      from.shutdown();
    }
    from.close();
  };
  plain.data = {
    data(from, bytes) {
      // The plain socket of a TLS connection still reports the encrypted bytes.
      if (from !== socket) {
        if (handshaking !== undefined) handshaking.heard = bytes;
        return;
      }
      chunks.push(bytes);
      if (awaited) return wake();
      paused = true;
      socket.pause();
    },
    drain: (from) => from === socket && unsent.byteLength > 0 && push(),
    ended: (from, arrival) => from === socket && end(arrival),
    secret: (line) => void handshaking?.secrets.push(line),
    handshaken(from, done, error) {
      if (handshaking === undefined) return;
      const { done: settle, fail, refuse, judge, secrets, heard } = handshaking;
      handshaking = undefined;
      try {
        const handshake = handshakeOf(from, done, error, heard, judge);
        if (handshake.kind === "failed") outlive(from, undefined);
        else if (handshake.kind === "secure" && handshake.doubt !== undefined) {
          const { version, cipher, doubt } = handshake;
          const lines = secrets.map((line) => decodeBytes(line));
          const record = refuse?.({ version, cipher, doubt, secrets: lines });
          if (record === undefined) from.shutdown();
          outlive(from, record);
        }
        settle(handshake);
      } catch (fault) {
        // The runtime would treat an exception here as an error of the connection.
        fail(fault);
      }
    },
    closed(from) {
      if (!open || from !== socket) return;
      open = false;
      end({ kind: "closed" });
      sent();
      handshaking?.done({ kind: "closed" });
      handshaking = undefined;
      for (const act of closing) act();
    },
  };
  plain.pause();

  return {
    client,
    server: () => open ? serverEndOf(socket.fd) : undefined,
    keepAlive() {
      if (open) keepAlive(socket.fd);
    },
    linger(seconds) {
      if (open) linger(socket.fd, seconds);
    },
    acknowledge() {
      if (open) acknowledgeNow(socket.fd);
    },
    async receive(deadline) {
      if (chunks.length === 0 && ending === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = callAt(deadline, resolve);
        wake = resolve;
        awaited = true;
        if (paused) socket.resume();
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
        const { refuse, judge } = options;
        handshaking = { done: resolve, fail: reject, refuse, judge, secrets: [], heard: NO_BYTES };
        socket = upgrade(plain, options);
        socket.resume();
        paused = false;
      } else resolve({ kind: "closed" });
      const handshake = await promise;
      // Closing a socket during a handshake makes the handshake fail.
      handshaking = undefined;
      timer.cancel();
      return handshake;
    },
    whenClosed(act) {
      if (open) closing.push(act);
      else act();
    },
    close() {
      if (open) socket.close();
    },
    reset() {
      if (open) socket.terminate();
    },
  };
}

function handshakeOf(
  socket: RuntimeSocket,
  done: boolean,
  error: NodeJS.ErrnoException | null,
  heard: Uint8Array,
  judge: TlsOptions["judge"],
): Handshake {
  if (!done && error?.code === "ECONNRESET") return { kind: "closed" };
  if (!done) return { kind: "failed", reason: error?.message ?? "", heard };
  const certificate = socket.getPeerCertificate();
  return {
    kind: "secure",
    version: socket.getTLSVersion(),
    cipher: socket.getCipher().standardName,
    certificate,
    // Without a certificate the error is about a missing issuer.
    doubt: certificate === undefined ? undefined : error?.code ?? judge?.(certificate.raw),
  };
}
