import { type AddressBytes, parseIPv4, parseIPv6 } from "../address.ts";
import type { Config } from "../config/config.ts";
import { closeFile, describeErrno, Errno, isReadable, SystemError } from "../system/libc.ts";
import {
  bindSocket,
  chownSocket,
  nextDescriptor,
  setBacklog,
  setReusePort,
  startListening,
} from "../system/listen_socket.ts";
import { openFilesLimit } from "../system/process.ts";
import { resolveHost } from "../system/resolve_host.ts";
import { duplicate } from "../system/socket.ts";
import { acceptOn, type Acceptor, type Stream } from "../system/stream.ts";

/** An address and port to listen on. */
export interface ListenAddress {
  readonly address: string;
  readonly bytes: AddressBytes;
  readonly port: number;
  /** Whether it may be missing on this host: all addresses of a family that the kernel lacks. */
  readonly optional: boolean;
}

/** Sockets that listen. */
export interface Listeners {
  /**
   * Listens on these addresses and on no others. Sockets whose address stays are left alone. Where a new
   * address cannot be had, nothing changes, and no socket has been closed for it meanwhile.
   * @throws {Error} naming the address that cannot be had, and why.
   */
  readonly move: (addresses: readonly ListenAddress[], backlog: number) => readonly ListenAddress[];
  /** Listens on a socket that another process has bound; it is closed with the others. */
  readonly inherit: (fd: number, backlog: number) => void;
  /** Gives the sockets to the user who is to move them later; root alone can. */
  readonly giveTo: (uid: number, gid: number) => void;
  /** Stops accepting connections. */
  readonly close: () => void;
}

interface Listener {
  readonly local: ListenAddress | undefined;
  readonly fd: number;
  /** See listen(2). */
  backlog: number;
  /** What accepts connections, on a copy of the descriptor; nothing while no more can be accepted. */
  acceptor: Acceptor | undefined;
}

/**
 * How many connections are accepted before those that are open get their turn. The runtime accepts as
 * long as one waits, and a flood would keep it from all else.
 */
const BATCH = 64;

/** How often to look for connections that cannot be accepted, in milliseconds. */
const LOOK = 1_000;

/** The addresses that a configuration names; an address family given on the command line wins. */
export async function addressesToListenOn(
  config: Config,
  family: 4 | 6 | undefined,
): Promise<ListenAddress[]> {
  const wanted = family ?? config.address_family;
  const suits = ({ bytes }: ListenAddress) =>
    wanted === "any" || bytes.length === (wanted === 4 ? 4 : 16);
  const port = config.server_port;
  if (config.server_address.length === 0) {
    return [listenAddress("0.0.0.0", port, true), listenAddress("::", port, true)].filter(suits);
  }
  const addresses = new Map<string, ListenAddress>();
  for (const name of config.server_address) {
    const found = parseIPv4(name) ?? parseIPv6(name) ? [name] : await addressesOf(name);
    for (const address of found) {
      const local = listenAddress(address, port, false);
      if (suits(local)) addresses.set(keyOf(local), local);
    }
  }
  if (addresses.size > 0) return [...addresses.values()];
  const names = config.server_address.join(", ");
  throw new Error(`Cannot bind to any address: server_address=${names} has none of that family`);
}

function listenAddress(address: string, port: number, optional: boolean): ListenAddress {
  return { address, bytes: (parseIPv4(address) ?? parseIPv6(address))!, port, optional };
}

async function addressesOf(name: string): Promise<readonly string[]> {
  try {
    return await resolveHost(name);
  } catch (error) {
    throw new Error(`bad addr or host: ${name} (${(error as Error).message})`);
  }
}

/**
 * Makes listeners, without a socket at first.
 *
 * @param accept Called with each connection, of which nothing has been read.
 * @param failed Called with the error number when connections wait that cannot be accepted, or one is
 * accepted whose client the kernel does not name, which is reset. Those that wait stay in the kernel's queue, and accepting begins again when there are descriptors for them: half of all
 * are for connections, the others for their plugins. One connection is accepted in any case.
 */
export function makeListeners(
  accept: (stream: Stream) => void,
  failed: (errno: number) => void,
): Listeners {
  let listeners: Listener[] = [];
  let open = 0;
  /** How many have been accepted in this turn of the event loop. */
  let accepted = 0;

  const serve = (fd: number) =>
    acceptOn(duplicate(fd), (stream, number) => {
      if (accepted++ === 0) setImmediate(endTurn);
      // Before the runtime accepts the next one.
      if (accepted >= BATCH) listeners.forEach(pause);
      if (stream === undefined) return;
      open++;
      stream.whenClosed(() => {
        open--;
        if (accepted < BATCH && paused() > 0 && shortage() === 0) listeners.forEach(resume);
      });
      if (number >= openFilesLimit() / 2) listeners.forEach(pause);
      accept(stream);
    }, failed);

  const endTurn = () => {
    const more = accepted >= BATCH;
    accepted = 0;
    if (more && shortage() === 0) listeners.forEach(resume);
  };

  const paused = () => listeners.filter(({ acceptor }) => acceptor === undefined).length;

  /** The error for which no connection is to be accepted now; 0 where there is none. */
  const shortage = (): number => {
    // Those that begin to accept again take one each.
    const next = nextDescriptor(paused());
    if (next < 0) return -next;
    return open > 0 && next >= openFilesLimit() / 2 ? Errno.EMFILE : 0;
  };

  const pause = (listener: Listener) => {
    listener.acceptor?.close();
    listener.acceptor = undefined;
  };

  const resume = (listener: Listener) => {
    if (listener.acceptor !== undefined) return;
    try {
      listener.acceptor = serve(listener.fd);
      // The runtime has set a backlog of its own.
      setBacklog(listener.fd, listener.backlog);
    } catch (error) {
      // Another process took the descriptors or the memory; the next look is soon.
      if (!(error instanceof SystemError)) throw error;
      failed(error.errno);
    }
  };

  // The runtime does not report that accept(2) fails for want of descriptors, and retries without
  // pause. While all listeners pause, this timer keeps the process alive.
  const look = setInterval(() => {
    const waiting = listeners.filter(({ fd }) => isReadable(fd));
    const errno = waiting.length === 0 ? 0 : shortage();
    if (errno === 0) listeners.forEach(resume);
    else {
      waiting.forEach(pause);
      failed(errno);
    }
  }, LOOK);

  const add = (local: ListenAddress | undefined, fd: number, backlog: number): Listener => {
    const listener: Listener = { local, fd, backlog, acceptor: undefined };
    listeners = [...listeners, listener];
    return listener;
  };

  const detach = (leaving: readonly Listener[]) => {
    // A descriptor must not be closed twice: its number may have been reused.
    const present = listeners.filter((listener) => leaving.includes(listener));
    listeners = listeners.filter((listener) => !leaving.includes(listener));
    for (const { acceptor, fd } of present) {
      acceptor?.close();
      closeFile(fd);
    }
  };

  return {
    move(addresses, backlog) {
      const bound = listeners.filter(({ local }) => local !== undefined);
      const staying = bound.filter(({ local }) => addresses.some((one) => isSame(local!, one)));
      const leaving = bound.filter((listener) => !staying.includes(listener));
      const fresh = addresses.filter((one) => !staying.some(({ local }) => isSame(local!, one)));
      const inTheWay = leaving.filter(({ local }) => fresh.some((one) => collide(local!, one)));
      const opened: Listener[] = [];
      try {
        for (const { fd } of inTheWay) setReusePort(fd, true);
        for (const local of fresh) {
          const shared = inTheWay.some((one) => collide(one.local!, local));
          const fd = bindAddress(local, shared);
          if (fd !== undefined) opened.push(add(local, fd, backlog));
        }
        if (addresses.length > 0 && opened.length + staying.length === 0) {
          throw new Error("Cannot bind to any address.");
        }
        // Until here clients have come to the old sockets only.
        for (const { local, fd } of opened) {
          worded(local!, () => startListening(fd, backlog));
        }
        opened.forEach(resume);
      } catch (error) {
        detach(opened);
        throw error;
      } finally {
        for (const { fd } of inTheWay) setReusePort(fd, false);
      }
      for (const { fd } of opened) setReusePort(fd, false);
      detach(leaving);
      for (const listener of staying) {
        listener.backlog = backlog;
        setBacklog(listener.fd, backlog);
      }
      return opened.map(({ local }) => local!);
    },
    inherit: (fd, backlog) => resume(add(undefined, fd, backlog)),
    giveTo(uid, gid) {
      for (const { fd } of listeners) chownSocket(fd, uid, gid);
    },
    close() {
      clearInterval(look);
      detach(listeners);
    },
  };
}

function bindAddress(local: ListenAddress, shared: boolean): number | undefined {
  return worded(local, () => {
    try {
      return bindSocket(local.bytes, local.port, shared);
    } catch (error) {
      const errno = error instanceof SystemError ? error.errno : 0;
      const lacking = errno === Errno.EAFNOSUPPORT || errno === Errno.EADDRNOTAVAIL;
      if (lacking && local.optional) return undefined;
      throw error;
    }
  });
}

/** Does something for an address, and words its failure for the log. */
function worded<T>({ address, port }: ListenAddress, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new Error(`Bind to port ${port} on ${address} failed: ${describeErrno(error.errno)}.`);
  }
}

/**
 * Whether a socket for one address keeps the other from being bound: one is for all addresses, the
 * other for a single one. Shared sockets do not, but then a process of the same user can share the port
 * too, as long as the kernel remembers that it was shared. So sockets are shared only where one must be
 * bound before the other is closed; a process of the agent's user can kill the agent and take its port
 * in any case.
 */
function collide(one: ListenAddress, other: ListenAddress): boolean {
  return one.port === other.port && one.bytes.length === other.bytes.length &&
    (isForAll(one) || isForAll(other));
}

function isForAll({ bytes }: ListenAddress): boolean {
  return bytes.every((byte) => byte === 0);
}

function isSame(one: ListenAddress, other: ListenAddress): boolean {
  return one.port === other.port && one.bytes.join() === other.bytes.join();
}

function keyOf({ address, port }: ListenAddress): string {
  return `${address} ${port}`;
}
