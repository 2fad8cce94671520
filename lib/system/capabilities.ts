import { calls } from "./architecture.ts";
import { ffi } from "./ffi.ts";
import { lastErrno, SystemError } from "./libc.ts";
import { syscall } from "./syscall.ts";

/** _LINUX_CAPABILITY_VERSION_3, see capget(2). */
const VERSION = 0x20080522;

// struct __user_cap_header_struct { __u32 version; int pid; } and, behind it, two of
// struct __user_cap_data_struct { __u32 effective, permitted, inheritable; }. Process 0 is this thread.
const HEADER_WORDS = 2;
const WORDS = 8;
const INHERITABLE = 2;
const SET_WORDS = 3;

/** Which capabilities(7) a thread has: effective or permitted ones, inheritable ones alone, or none. */
export type Capabilities = "held" | "inheritable" | "none";

/**
 * The capabilities of this thread. Ambient ones are permitted ones too.
 * @throws {SystemError} where the kernel does not say, as under a filter of system calls.
 */
export function ownCapabilities(): Capabilities {
  const sets = call("capget", calls.capget);
  let found: Capabilities = "none";
  for (let at = 0; at < sets.length; at++) {
    if (sets[at] === 0) continue;
    if (at % SET_WORDS !== INHERITABLE) return "held";
    found = "inheritable";
  }
  return found;
}

/**
 * Gives up all capabilities of this thread; ambient ones go with the permitted ones. The bounding set
 * stays, without which sudo(8) and file capabilities would give a plugin nothing.
 *
 * @throws {SystemError}
 */
export function giveUpCapabilities(): void {
  call("capset", calls.capset);
}

function call(name: string, number: number): Uint32Array {
  const memory = new Uint32Array(WORDS);
  memory[0] = VERSION;
  const sets = memory.subarray(HEADER_WORDS);
  if (syscall(number, ffi.ptr(memory), sets, null, 0) !== 0) {
    throw new SystemError(name, lastErrno());
  }
  return sets;
}
