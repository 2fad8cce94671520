import { encodeBytes } from "../bytes.ts";
import { bindLibc, closeFile } from "./libc.ts";
import { Linux } from "./linux.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "buffer", "u64", "i32", "buffer", "u32"], returns: "i32" },
  clock_gettime: { args: ["i32", "buffer"], returns: "i32" },
});

const CLOCK_MONOTONIC = 1;

/** A state change to report to the service manager, see sd_notify(3). */
type Notice = "READY=1" | "STOPPING=1" | "RELOADING=1";

/** Sends a notice to the service manager. */
interface Notify {
  (notice: Notice): void;
}

/**
 * Notifies the service manager by the protocol of sd_notify(3).
 * @param socket NOTIFY_SOCKET: a path, or `@` and an abstract name. Without it nothing is sent.
 */
export function notifyVia(socket: string | undefined): Notify {
  if (socket === undefined || !/^[/@]./.test(socket)) return () => {};
  const path = socket.replace(/^@/, "\0");
  const address = new Uint8Array(2 + path.length);
  new Uint16Array(address.buffer, 0, 1)[0] = Linux.AF_UNIX;
  address.set(encodeBytes(path), 2);
  return (notice) => {
    const text = notice === "RELOADING=1" ? `${notice}\nMONOTONIC_USEC=${monotonic()}` : notice;
    const fd = libc.socket(Linux.AF_UNIX, Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    libc.sendto(
      fd,
      encodeBytes(text),
      text.length,
      Linux.MSG_NOSIGNAL,
      address,
      address.byteLength,
    );
    closeFile(fd);
  };
}

/** CLOCK_MONOTONIC in microseconds. */
function monotonic(): bigint {
  const time = new BigInt64Array(2);
  libc.clock_gettime(CLOCK_MONOTONIC, time);
  return time[0]! * 1_000_000n + time[1]! / 1000n;
}
