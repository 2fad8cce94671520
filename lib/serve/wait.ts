import type { Serve } from "../cli.ts";
import { CANNOT_SERVE, SERVED } from "../exit_status.ts";
import { Severity } from "../log.ts";
import { openEarlyLog } from "./start.ts";
import { now, Poll, waitFor } from "../system/libc.ts";
import { type Parent, watchParent } from "../system/parent.ts";
import { describeUnexpected } from "./unexpected.ts";
import { runDaemonProcess } from "./daemon_process.ts";
import { makeComplaint, queuesOf, turnAway } from "./turn_away.ts";

/**
 * How long an agent that cannot serve stays, in milliseconds. A service that has to be started too
 * often is given up: by openbsd-inetd for ten minutes after 256 times in one, by systemd for good
 * after five times in ten seconds.
 */
const STAY = 10_000;

/** The least time between two attempts, in milliseconds. */
const REST = 100;

/** How often it is seen whether the parent process has ended, in milliseconds. */
const LOOK = 1_000;

/**
 * Serves the clients of a listening socket that inetd or a service manager has passed on, until
 * nobody has asked for a while; then that one listens again. Connections that nobody has accepted by
 * then stay with the socket, so none is lost.
 *
 * An agent that cannot serve, because nrpe.cfg has an error for instance, turns the waiting clients
 * away and tries again when the next one comes. After some seconds it ends, to be started anew.
 *
 * @param byParent Whether the parent process has passed the sockets on. When it ends, the agent stops
 * listening, so that another inetd can have the port, and ends after the clients that it has.
 */
export async function serveWaiting(
  invocation: Serve,
  fds: readonly number[],
  byParent: boolean,
): Promise<number> {
  const parent = watchParent();
  const end = now() + STAY;
  const { promise: abandoned, resolve: abandon } = Promise.withResolvers<void>();
  const complaint = makeComplaint();
  for (;;) {
    const queues = queuesOf(fds);
    try {
      const status = await runDaemonProcess({
        invocation,
        inherited: fds,
        inetd: true,
        abandoned,
        copy: () => {},
        ready() {
          complaint.end();
          if (byParent) parent.onceEnded(abandon);
        },
        cannotServe: complaint.make,
      });
      if (status === SERVED) return status;
    } catch (error) {
      const message = describeUnexpected(error);
      complaint.make([{ severity: Severity.error, message }], openEarlyLog());
    }
    turnAway(queues, complaint.refused);
    if (anotherComes(fds, end, parent)) continue;
    complaint.end();
    return CANNOT_SERVE;
  }
}

/** Waits for another client; false when the time is over or the parent process has ended. */
function anotherComes(fds: readonly number[], end: number, parent: Parent): boolean {
  waitFor([], Math.min(now() + REST, end));
  while (now() < end && !parent.hasEnded()) {
    const awaited = fds.map((fd) => ({ fd, events: Poll.in }));
    const conditions = waitFor(awaited, Math.min(now() + LOOK, end));
    if (conditions.some((one) => one !== 0)) return conditions.some((one) => (one & Poll.in) !== 0);
  }
  return false;
}
