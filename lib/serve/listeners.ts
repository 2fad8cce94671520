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
import { duplicate } from "../system/socket.ts";
import { acceptOn, type Acceptor, type Stream } from "../system/stream.ts";

/** An address and port to listen on. */
export interface Place {
  readonly address: string;
  readonly bytes: AddressBytes;
  readonly port: number;
  /** Whether it may be missing on this host: all addresses of a family that the kernel lacks. */
  readonly optional: boolean;
}

/** Sockets that listen. */
export interface Listeners {
  /**
   * Listens on these places and on no others. Sockets whose place stays are left as they are; when a
   * new place cannot be had, nothing changes, and no socket has been closed for it meanwhile.
   * @throws {Error} naming the place that cannot be had, and why.
   */
  readonly move: (places: readonly Place[], backlog: number) => readonly Place[];
  /** Listens on a socket that somebody else has bound; it is closed with the others. */
  readonly inherit: (fd: number, backlog: number) => void;
  /** Gives the sockets to the user who is to move them later; root alone can. */
  readonly giveTo: (uid: number, gid: number) => void;
  /** Stops accepting connections. */
  readonly close: () => void;
}

interface Listener {
  readonly place: Place | undefined;
  readonly fd: number;
  /** What accepts connections, on a copy of the descriptor; nothing while no more can be accepted. */
  acceptor: Acceptor | undefined;
}

/** How often it is looked for connections that cannot be accepted, in milliseconds. */
const LOOK = 1_000;

/** The places that a configuration names; an address family given on the command line wins. */
export async function placesOf(config: Config, family: 4 | 6 | undefined): Promise<Place[]> {
  const wanted = family ?? config.address_family;
  const suits = ({ bytes }: Place) => wanted === "any" || bytes.length === (wanted === 4 ? 4 : 16);
  const port = config.server_port;
  if (config.server_address.length === 0) {
    return [placeOf("0.0.0.0", port, true), placeOf("::", port, true)].filter(suits);
  }
  const places = new Map<string, Place>();
  for (const name of config.server_address) {
    const addresses = parseIPv4(name) ?? parseIPv6(name) ? [name] : await addressesOf(name);
    for (const place of addresses.map((address) => placeOf(address, port, false)).filter(suits)) {
      places.set(nameOf(place), place);
    }
  }
  if (places.size > 0) return [...places.values()];
  const names = config.server_address.join(", ");
  throw new Error(`Cannot bind to any address: server_address=${names} has none of that family`);
}

function placeOf(address: string, port: number, optional: boolean): Place {
  return { address, bytes: (parseIPv4(address) ?? parseIPv6(address))!, port, optional };
}

async function addressesOf(name: string): Promise<readonly string[]> {
  const { lookup } = await import("node:dns/promises");
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new Error(`bad addr or host: ${name} (${(error as Error).message})`);
  }
}

/**
 * Makes listeners, for the time being without a socket.
 *
 * @param accept Called with each connection, of which nothing has been read.
 * @param failed Called with the error number when connections wait that cannot be accepted. They stay
 * in the kernel's queue, and accepting begins again when there are descriptors for them: half of all
 * are for connections, the others for their plugins. One connection is accepted in any case.
 */
export function makeListeners(
  accept: (stream: Stream) => void,
  failed: (errno: number) => void,
): Listeners {
  let listeners: Listener[] = [];
  let open = 0;

  const serve = (fd: number) =>
    acceptOn(duplicate(fd), (stream, number) => {
      open++;
      stream.whenClosed(() => {
        open--;
        if (paused() > 0 && shortage() === 0) listeners.forEach(resume);
      });
      // Before the runtime accepts the next one.
      if (number >= openFilesLimit() / 2) listeners.forEach(pause);
      accept(stream);
    });

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
    try {
      listener.acceptor ??= serve(listener.fd);
    } catch (error) {
      // Somebody else took what there was; the next look is soon.
      if (!(error instanceof SystemError)) throw error;
    }
  };

  // The runtime says nothing when accept(2) fails for want of descriptors, and tries on without rest:
  // in the whole system there are none left, or this process has lost some. While all listeners pause,
  // this is what keeps the process alive.
  const look = setInterval(() => {
    const waiting = listeners.filter(({ fd }) => isReadable(fd));
    const errno = waiting.length === 0 ? 0 : shortage();
    if (errno === 0) listeners.forEach(resume);
    else {
      waiting.forEach(pause);
      failed(errno);
    }
  }, LOOK);

  const add = (place: Place | undefined, fd: number): Listener => {
    const listener: Listener = { place, fd, acceptor: undefined };
    listeners = [...listeners, listener];
    return listener;
  };

  const begin = (listener: Listener, backlog: number) => {
    resume(listener);
    // The runtime has set a backlog of its own.
    setBacklog(listener.fd, backlog);
  };

  const detach = (leaving: readonly Listener[]) => {
    // A descriptor must not be closed twice: its number may be another one's by then.
    const present = listeners.filter((listener) => leaving.includes(listener));
    listeners = listeners.filter((listener) => !leaving.includes(listener));
    for (const { acceptor, fd } of present) {
      acceptor?.close();
      closeFile(fd);
    }
  };

  return {
    move(places, backlog) {
      const bound = listeners.filter(({ place }) => place !== undefined);
      const staying = bound.filter(({ place }) => places.some((one) => isSame(place!, one)));
      const leaving = bound.filter((listener) => !staying.includes(listener));
      const fresh = places.filter((one) => !staying.some(({ place }) => isSame(place!, one)));
      const inTheWay = leaving.filter(({ place }) => fresh.some((one) => collide(place!, one)));
      const opened: Listener[] = [];
      try {
        for (const { fd } of inTheWay) setReusePort(fd, true);
        for (const place of fresh) {
          const shared = inTheWay.some((one) => collide(one.place!, place));
          const fd = bindPlace(place, shared);
          if (fd !== undefined) opened.push(add(place, fd));
        }
        if (places.length > 0 && opened.length + staying.length === 0) {
          throw new Error("Cannot bind to any address.");
        }
        // Until here clients have come to the old sockets only.
        for (const { place, fd } of opened) complaining(place!, () => startListening(fd, backlog));
        for (const listener of opened) begin(listener, backlog);
      } catch (error) {
        detach(opened);
        throw error;
      } finally {
        for (const { fd } of inTheWay) setReusePort(fd, false);
      }
      for (const { fd } of opened) setReusePort(fd, false);
      detach(leaving);
      for (const { fd } of staying) setBacklog(fd, backlog);
      return opened.map(({ place }) => place!);
    },
    inherit: (fd, backlog) => begin(add(undefined, fd), backlog),
    giveTo(uid, gid) {
      for (const { fd } of listeners) chownSocket(fd, uid, gid);
    },
    close() {
      clearInterval(look);
      detach(listeners);
    },
  };
}

function bindPlace(place: Place, shared: boolean): number | undefined {
  return complaining(place, () => {
    try {
      return bindSocket(place.bytes, place.port, shared);
    } catch (error) {
      const errno = error instanceof SystemError ? error.errno : 0;
      const lacking = errno === Errno.EAFNOSUPPORT || errno === Errno.EADDRNOTAVAIL;
      if (lacking && place.optional) return undefined;
      throw error;
    }
  });
}

/** Does something for a place, and words what goes wrong with it for the log. */
function complaining<T>({ address, port }: Place, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new Error(`Bind to port ${port} on ${address} failed: ${describeErrno(error.errno)}.`);
  }
}

/**
 * Whether a socket for one place keeps the other from being bound: one is for all addresses, the other
 * for a single one. Shared sockets do not, but then a process of the same user can take part in the
 * port too, for as long as the kernel remembers that it was shared. So sockets are shared where there
 * is no other way to bind one before the other is closed; a process of the agent's user can end the
 * agent and take its port in any case.
 */
function collide(one: Place, other: Place): boolean {
  return one.port === other.port && one.bytes.length === other.bytes.length &&
    (isForAll(one) || isForAll(other));
}

function isForAll({ bytes }: Place): boolean {
  return bytes.every((byte) => byte === 0);
}

function isSame(one: Place, other: Place): boolean {
  return one.port === other.port && one.bytes.join() === other.bytes.join();
}

function nameOf({ address, port }: Place): string {
  return `${address} ${port}`;
}
