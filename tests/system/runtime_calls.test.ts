/** What lib/system/ relies on in bun:ffi, and no documentation promises. */
import { CFunction, type Pointer } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { bindLibc, Errno, lastErrno } from "../../lib/system/libc.ts";
import { RUNTIME } from "../support/runtime.ts";

describe(`bun:ffi of ${RUNTIME},`, () => {
  test("has the address of a bound C function, which C can call", () => {
    const libc = bindLibc({ getpid: { args: [], returns: "i32" } });
    const { ptr } = libc.getpid as unknown as { readonly ptr: Pointer };
    expect(CFunction({ ptr, args: [], returns: "i32" })()).toBe(process.pid);
  });

  test("leaves errno as a call set it until the next call, while code is compiled and collected", () => {
    const libc = bindLibc({
      close: { args: ["i32"], returns: "i32" },
      chdir: { args: ["buffer"], returns: "i32" },
    });
    const missing = new Uint8Array([...Buffer.from("/nonexistent"), 0]);
    const wrong = new Set<number>();
    const kept: unknown[] = [];
    // Often enough for every compiler of the runtime.
    for (let time = 0; time < 200_000; time++) {
      const failed = time % 2 === 0 ? libc.close(-1) : libc.chdir(missing);
      kept[time % 1000] = { failed, garbage: new Array(10) };
      const errno = lastErrno();
      const expected = time % 2 === 0 ? Errno.EBADF : Errno.ENOENT;
      if (failed !== -1 || errno !== expected) wrong.add(errno);
    }
    expect([...wrong]).toEqual([]);
  });
});
