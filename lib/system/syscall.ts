import { bindLibc } from "./libc.ts";

/** Numbers of system calls by architecture, see the kernel's unistd.h. */
export const Call = process.arch === "arm64"
  ? { dup3: 24, rt_sigaction: 134, rt_sigprocmask: 135, close_range: 436 }
  : { dup3: 292, rt_sigaction: 13, rt_sigprocmask: 14, close_range: 436 };

/**
 * syscall(2), a system call by its number. Each function of the C library costs some page faults when it
 * is first called; one that does for many saves them.
 */
export const syscall = bindLibc({
  syscall: { args: ["i64", "u64", "ptr", "ptr", "u64"], returns: "i32" },
}).syscall;
