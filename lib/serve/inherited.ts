import { inheritedValue } from "../command/environment.ts";
import { bindLibc } from "../system/libc.ts";

/** The first descriptor that a service manager passes, see sd_listen_fds(3). */
const FIRST = 3;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * The descriptors that a service manager has passed to this very process by LISTEN_PID and LISTEN_FDS,
 * see sd_listen_fds(3). Plugins will not inherit them.
 */
export function passedDescriptors(): readonly number[] {
  const text = inheritedValue("LISTEN_FDS");
  if (text === undefined || inheritedValue("LISTEN_PID") !== String(process.pid)) return [];
  return takeOver(/^[0-9]{1,4}$/.test(text) ? Number(text) : 0);
}

function takeOver(count: number): readonly number[] {
  const descriptors = Array.from({ length: count }, (_, at) => FIRST + at);
  if (count === 0) return [];
  const libc = bindLibc({ fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });
  for (const fd of descriptors) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  return descriptors;
}
