import type { Serve } from "../cli.ts";
import { CANNOT_SERVE, SERVED } from "../exit_status.ts";
import { Severity } from "../log.ts";
import { openEarlyLog } from "./start.ts";
import { now, Poll, waitFor } from "../system/libc.ts";
import { type Parent, watchParent } from "../system/parent.ts";
import { describeUnexpected } from "./unexpected.ts";
import { serveFirstClient } from "./first_client.ts";
import { makeComplaint, queuesOf, turnAway } from "./turn_away.ts";

/**
 * How long an agent that cannot serve stays, in milliseconds. A service that is started too often is
 * disabled: by openbsd-inetd for ten minutes after 256 times in one, by systemd for good
 * after five times in ten seconds.
 */
const STAY_TIMEOUT = 10_000;

/** The least time between two attempts, in milliseconds. */
const RETRY_DELAY = 100;

/** How often to check whether the parent process has ended, in milliseconds. */
const CHECK_INTERVAL = 1_000;

/**
 * Serves the clients of a listening socket that inetd or a service manager has passed on, until
 * no client has come for a while; then inetd listens again. Connections that wait to be accepted stay
 * with the socket, so none is lost.
 *
 * An agent that cannot serve, for an error in nrpe.cfg say, refuses the waiting clients and tries again
 * when the next one comes. After some seconds it ends, and inetd starts it again.
 *
 * @param byParent Whether the parent process has passed the sockets. When it ends, the agent stops
 * listening, so that another inetd can take the port, and ends after its last client.
 */
export async function serveWaiting(
  invocation: Serve,
  fds: readonly number[],
  byParent: boolean,
): Promise<number> {
  const parent = watchParent();
  const end = now() + STAY_TIMEOUT;
  const { promise: abandoned, resolve: abandon } = Promise.withResolvers<void>();
  const complaint = makeComplaint();
  const first = await serveFirstClient(invocation, fds);
  const { runDaemonProcess } = await import("./daemon_process.ts");
  for (;;) {
    const queues = queuesOf(fds);
    try {
      const status = await runDaemonProcess({
        invocation,
        inherited: fds,
        inetd: true,
        first,
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
    if (awaitClient(fds, end, parent)) continue;
    complaint.end();
    return CANNOT_SERVE;
  }
}

/** Waits for another client; false after the deadline or the end of the parent process. */
function awaitClient(fds: readonly number[], end: number, parent: Parent): boolean {
  waitFor([], Math.min(now() + RETRY_DELAY, end));
  while (now() < end && !parent.hasEnded()) {
    const awaited = fds.map((fd) => ({ fd, events: Poll.in }));
    const conditions = waitFor(awaited, Math.min(now() + CHECK_INTERVAL, end));
    if (conditions.some((one) => one !== 0)) return conditions.some((one) => (one & Poll.in) !== 0);
  }
  return false;
}
