import { bindLibc } from "./libc.ts";

/**
 * syscall(2), a system call by its number. Each function of the C library costs some page faults when it
 * is first called; one that does for many saves them.
 */
export const syscall = bindLibc({
  syscall: { args: ["i64", "u64", "ptr", "ptr", "u64"], returns: "i32" },
}).syscall;
