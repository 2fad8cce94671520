import { type LogLine, Severity } from "../log.ts";
import { acceptOne, countWaiting } from "../system/accept.ts";
import { closeFile, isReadable, now, SystemError } from "../system/libc.ts";
import type { OpenLog } from "../system/open_log.ts";
import { awaitBytes, peerOf } from "../system/socket.ts";
import { REFUSED_TIMEOUT } from "./refused_timeout.ts";

/** How many refused connections are open at once. */
const BATCH = 64;

/** A listening socket, and how many connections waited there at some moment. */
export interface Queue {
  readonly fd: number;
  readonly waiting: number;
}

/** Counts the connections that wait to be accepted. */
export function queuesOf(fds: readonly number[]): readonly Queue[] {
  // The agent is started because one waits.
  return fds.map((fd) => ({ fd, waiting: countWaiting(fd) ?? 1 }));
}

/**
 * Accepts the connections that waited then, at least one where any waits now, and closes each after
 * its first bytes, or after {@link REFUSED_TIMEOUT}.
 *
 * @param refused Called for each with the client's address.
 */
export function turnAway(queues: readonly Queue[], refused: (address: string) => void): void {
  const deadline = now() + REFUSED_TIMEOUT;
  for (const { fd, waiting } of queues) {
    for (let left = Math.max(1, waiting); left > 0; left -= BATCH) {
      const connections: number[] = [];
      while (connections.length < Math.min(left, BATCH) && isReadable(fd)) {
        const connection = acceptOne(fd);
        if (connection < 0) break;
        connections.push(connection);
        refused(addressOf(connection));
      }
      for (const connection of connections) {
        awaitBytes(connection, deadline);
        closeFile(connection);
      }
    }
  }
}

function addressOf(connection: number): string {
  try {
    return peerOf(connection)?.address ?? "unknown";
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return "unknown";
  }
}

/** Logs why no client can be served, once as long as the reason stays the same. */
export interface Complaint {
  /** @param log Closed when another one is given, or at the end. */
  readonly make: (lines: readonly LogLine[], log: OpenLog) => void;
  /** Logs that a client has been refused, and why; later ones are counted. */
  readonly refused: (address: string) => void;
  /** Logs how many more have been refused, and closes the log. */
  readonly end: () => void;
}

/** Makes a complaint, without a reason at first. */
export function makeComplaint(): Complaint {
  let log: OpenLog | undefined;
  let said = "";
  let reason = "";
  let mentioned = "";
  let others = 0;
  return {
    make(lines, where) {
      log?.close();
      log = where;
      const all = lines.map(({ message }) => message).join("\n");
      if (all === said) return;
      said = all;
      reason = lines.find(({ severity }) => severity <= Severity.error)?.message ?? all;
      for (const { severity, message } of lines) where(severity, message);
    },
    refused(address) {
      if (mentioned === said) others++;
      else {
        log?.(Severity.warning, `Connection from ${address} refused: ${reason}`, {
          client: address,
        });
      }
      mentioned = said;
    },
    end() {
      if (others > 0) {
        log?.(Severity.warning, `${others} more connections refused while nobody could be served`);
      }
      others = 0;
      log?.close();
      log = undefined;
    },
  };
}
