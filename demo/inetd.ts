/**
 * A stand-in for inetd: listens on a loopback port that the kernel chooses, prints the port, and
 * starts a program for each connection, with the connection as its standard input, output and error.
 *
 * As root it first becomes the user nobody, since the agent refuses to serve as root.
 *
 * Usage: bun demo/inetd.ts PROGRAM ARGV0 [ARG ...]
 */
import { bindLibc, closeFile, Errno, lastErrno, SystemError } from "../lib/system/libc.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  getsockname: { args: ["i32", "buffer", "buffer"], returns: "i32" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
});

const AF_INET = 2;
const SOCK_STREAM = 1;
const NONBLOCK = 0o4000;
const CLOEXEC = 0o2000000;
const NOBODY = 65534;
const BACKLOG = 128;
/** The interval between two attempts to accept, in milliseconds. */
const INTERVAL = 2;

function check(call: string, result: number): number {
  if (result < 0) throw new SystemError(call, lastErrno());
  return result;
}

/** Listens on 127.0.0.1; returns the socket and its port. */
function listen(): { readonly fd: number; readonly port: number } {
  const fd = check("socket", libc.socket(AF_INET, SOCK_STREAM | NONBLOCK | CLOEXEC, 0));
  const address = new Uint8Array(16);
  new Uint16Array(address.buffer)[0] = AF_INET;
  address.set([127, 0, 0, 1], 4);
  check("bind", libc.bind(fd, address, address.byteLength));
  check("listen", libc.listen(fd, BACKLOG));
  check("getsockname", libc.getsockname(fd, address, new Uint32Array([address.byteLength])));
  return { fd, port: new DataView(address.buffer).getUint16(2) };
}

const [program, ...argv] = process.argv.slice(2);
if (program === undefined) throw new Error("Usage: inetd.ts PROGRAM ARGV0 [ARG ...]");
if (process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}
const { fd, port } = listen();
console.log(port);
for (;;) {
  const connection = libc.accept4(fd, null, null, CLOEXEC);
  if (connection >= 0) {
    const stdio = [connection, connection, connection] as [number, number, number];
    Bun.spawn([program, ...argv.slice(1)], { argv0: argv[0] ?? program, stdio });
    closeFile(connection);
    continue;
  }
  const errno = lastErrno();
  if (errno !== Errno.EAGAIN && errno !== Errno.EINTR) throw new SystemError("accept4", errno);
  await Bun.sleep(INTERVAL);
}
