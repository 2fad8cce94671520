import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { bindLibc } from "../../lib/system/libc.ts";
import { notifyVia } from "../../lib/system/notify.ts";
import { listenForNotices } from "../support/notices.ts";
import { makeRoom } from "../support/room.ts";

const libc = bindLibc({ clock_gettime: { args: ["i32", "buffer"], returns: "i32" } });
const CLOCK_MONOTONIC = 1;

/** The clock that sd_notify(3) wants the time of a reload by, in microseconds. */
function monotonicClock(): number {
  const time = new BigInt64Array(2);
  libc.clock_gettime(CLOCK_MONOTONIC, time);
  return Number(time[0]) * 1e6 + Math.floor(Number(time[1]) / 1000);
}

describe("notifyVia()", () => {
  test.each([
    ["a path", (directory: string) => join(directory, "notify.sock")],
    ["an abstract name", () => `@nrpe-test-${process.pid}-${Date.now()}`],
  ])("sends notices to %s, one datagram each", (_, name) => {
    using room = makeRoom();
    using manager = listenForNotices(name(room.path));
    const notify = notifyVia(manager.path);
    const before = monotonicClock();
    for (const notice of ["READY=1", "RELOADING=1", "STOPPING=1"] as const) notify(notice);
    const [ready, reloading, ...rest] = manager.take();
    expect(ready).toBe("READY=1");
    expect(rest).toEqual(["STOPPING=1"]);
    const [, time] = /^RELOADING=1\nMONOTONIC_USEC=([0-9]+)$/.exec(reloading!)!;
    expect(Number(time)).toBeGreaterThanOrEqual(before);
    expect(Number(time)).toBeLessThanOrEqual(monotonicClock());
  });

  test.each([undefined, "", "/", "@", "notify.sock", "vsock:2:1234", "/nonexistent/notify.sock"])(
    "does nothing with %p",
    (socket) => {
      expect(() => notifyVia(socket)("READY=1")).not.toThrow();
    },
  );
});
