/**
 * What becomes of a conversation in which a system call fails. `deno task inject` tries all calls,
 * errors, modes and tables; here are the calls of a conversation with one error each, and those on which
 * a decision depends.
 */
import { describe, expect, test } from "bun:test";
import { tracingMissing } from "../support/faults.ts";
import { type Extent, type Part, tryPart } from "../support/injection/matrix.ts";
import { peersMissing } from "../support/peers.ts";

const missing = peersMissing("inetd", "strace");

/** How much of the faults that are counted beforehand must have come true: a busy machine has others. */
const LEAST_REACHED = 0.6;

const PARTS: readonly (Part & Extent)[] = [
  { mode: "nowait", tls: false, scenario: "grant", errors: 1 },
  { mode: "nowait", tls: false, scenario: "deny", errors: 1 },
  ...(["deny in hosts.allow", "deny by file", "deny at an address"] as const).map((scenario) => ({
    ...{ mode: "nowait" as const, tls: false, scenario, errors: 1 },
    calls: scenario === "deny at an address" ? ["getsockname"] : ["openat", "read"],
  })),
  {
    ...{ mode: "daemon", tls: false, scenario: "grant", errors: 1 },
    calls: ["getpeername", "getsockname", "read", "wait4", "pipe2", "epoll_ctl", "execve"],
  },
  {
    ...{ mode: "daemon", tls: false, scenario: "deny by name", errors: 1 },
    calls: ["openat", "read", "socketpair", "clone", "sendto", "recvfrom"],
  },
  {
    ...{ mode: "wait", tls: true, scenario: "deny", errors: 1 },
    calls: ["epoll_ctl", "socketpair"],
  },
];

describe.skipIf(missing || tracingMissing())("a system call that fails", () => {
  test.concurrent.each(PARTS)(
    "is answered rightly or refused with a log line: $mode, tables that $scenario",
    async (part) => {
      let reached = 0;
      let count = 0;
      const found: string[] = [];
      await tryPart(part, { ...part, lanes: 2 }, ({ fault, kind, problems }) => {
        count++;
        if (kind !== "not reached") reached++;
        const { call, error, when } = fault;
        found.push(...problems.map((problem) => `${call} ${error} at ${when}: ${problem}`));
      });
      expect(found).toEqual([]);
      expect(reached).toBeGreaterThan(count * LEAST_REACHED);
    },
  );
});
