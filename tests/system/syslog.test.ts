/** Lines for syslog, beside those of the C library's syslog(3). */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { privateDev } from "../support/inetd.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, ROOT } from "../support/room.ts";
import { runApart } from "../support/runtime.ts";
import { listenAsSyslog } from "../support/syslog.ts";

const DAEMON = 3 << 3;
const INFO = 6;

/** Priorities of <syslog.h>, a facility and a level each, and byte strings. */
const LINES: readonly (readonly [priority: number, text: string])[] = [
  [DAEMON | INFO, "plain"],
  [1 << 3, "the first facility that is not the kernel's, and the worst level"],
  [23 << 3 | 7, "the last of both"],
  [10 << 3 | 4, ""],
  [DAEMON | INFO, "100 %s %d %m %% of it"],
  [DAEMON | INFO, " blanks and <30>a priority: nrpe[1]: "],
  [DAEMON | INFO, "bytes \xc3\xa9 \xff\xfe"],
  [DAEMON | INFO, "long ".repeat(400)],
];

/** Sends each line by sendToSyslog(), after and before the same one by syslog(3). */
async function sendBoth(): Promise<{ readonly pid: number; readonly failures: readonly number[] }> {
  const { ROOT, LINES } = process.env as Record<"ROOT" | "LINES", string>;
  const { bindLibc, cString } = await import(`${ROOT}/lib/system/libc.ts`);
  const { sendToSyslog } = await import(`${ROOT}/lib/system/syslog.ts`);
  const libc = bindLibc({
    openlog: { args: ["buffer", "i32", "i32"], returns: "void" },
    syslog: { args: ["i32", "buffer", "buffer"], returns: "void" },
  });
  const LOG_PID = 1;
  // It is kept by its address.
  const name = cString("nrpe");
  libc.openlog(name, LOG_PID, 0);
  const failures: number[] = [];
  for (const [priority, text] of JSON.parse(LINES)) {
    libc.syslog(priority, cString("%s"), cString(text));
    failures.push(sendToSyslog(priority, text));
    libc.syslog(priority, cString("%s"), cString(text));
  }
  return { pid: process.pid, failures: name.length === 5 ? failures : [-1] };
}

test.skipIf(peersMissing())("sendToSyslog() sends the lines that syslog(3) sends", async () => {
  using room = makeRoom();
  using syslog = listenAsSyslog(join(room.path, "log.sock"));
  const script = `set -e\n${privateDev(room, syslog)}\nexec "$0" "$@"\n`;
  const { pid, failures } = await runApart(sendBoth, {
    env: { ROOT, LINES: JSON.stringify(LINES) },
    through: ["unshare", "-m", "sh", "-c", script],
  });
  expect(failures).toEqual(LINES.map(() => 0));
  const lines = syslog.take();
  expect(lines).toHaveLength(3 * LINES.length);
  for (const [at, [priority, text]] of LINES.entries()) {
    const [before, own, after] = lines.slice(3 * at, 3 * at + 3);
    // A second may have begun in between.
    expect([before!.time, after!.time]).toContain(own!.time);
    expect({ ...own, time: "" }).toEqual({ ...before!, time: "" });
    expect(own).toMatchObject({
      facility: priority & ~7,
      severity: priority & 7,
      text: `nrpe[${pid}]: ${text}`,
    });
  }
});
