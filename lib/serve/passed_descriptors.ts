import { inheritedValue } from "../command/environment.ts";

/** The first descriptor that a service manager passes, see sd_listen_fds(3). */
const FIRST = 3;

/**
 * The descriptors that a service manager has passed to this very process by LISTEN_PID and LISTEN_FDS,
 * see sd_listen_fds(3).
 */
export function passedDescriptors(): readonly number[] {
  const text = inheritedValue("LISTEN_FDS");
  if (text === undefined || inheritedValue("LISTEN_PID") !== String(process.pid)) return [];
  const count = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  return Array.from({ length: count }, (_, at) => FIRST + at);
}
