import { type Log, Severity } from "../log.ts";
import { discardDatagram, isDatagramSocket, senderOf } from "../system/datagram.ts";
import { describeErrno, now, SystemError, waitFor } from "../system/libc.ts";
import { awaitBytes, type Endpoint, lingeringClose, peerOf } from "../system/socket.ts";
import { REFUSED_TIMEOUT } from "../serve/refused_timeout.ts";

/**
 * How long the socket of a refused datagram is held, in milliseconds. inetd starts the service again at
 * the next datagram, and turns services off that are started too often. tcpd does the same.
 */
const HOLD_TIME = 5_000;

/** How long the datagram is waited for that inetd has seen, in milliseconds. It may have been invalid. */
const DATAGRAM_TIMEOUT = 5_000;

/** Who asks for a service, and on which socket. */
export interface Caller {
  readonly fd: number;
  /** `connection`, the datagram that starts a service, or a socket of which no client is known. */
  readonly by: "connection" | "datagram" | "nothing";
  /** undefined where the socket is not of an internet family, or the client is not known. */
  readonly client: Endpoint | undefined;
}

/** Asks the kernel who the client is. One that is not known is logged in tcpd's words. */
export function callerOn(fd: number, log: Log): Caller {
  try {
    return { fd, by: "connection", client: peerOf(fd) };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (!isDatagramSocket(fd)) return unknownCaller(error);
  }
  try {
    return { fd, by: "datagram", client: senderOf(fd, now() + DATAGRAM_TIMEOUT) };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return unknownCaller(error);
  }

  function unknownCaller({ errno }: SystemError): Caller {
    log(Severity.error, `warning: can't get client address: ${describeErrno(errno)}`);
    return { fd, by: "nothing", client: undefined };
  }
}

/**
 * Leaves a caller that gets no service. A connection is given time for its first bytes; a datagram is
 * taken from the queue, and the socket held.
 */
export function leaveCaller({ fd, by }: Caller, bannerSent: boolean): void {
  if (by === "connection") {
    const deadline = now() + REFUSED_TIMEOUT;
    if (bannerSent) lingeringClose(fd, deadline);
    else awaitBytes(fd, deadline);
    return;
  }
  if (by === "datagram") discardDatagram(fd);
  waitFor([], now() + HOLD_TIME);
}
