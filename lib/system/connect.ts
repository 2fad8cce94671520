import { parseIPv4, parseIPv6 } from "../address.ts";
import { bindLibc, closeFile, Errno, lastErrno } from "./libc.ts";
import { openSocket, socketAddress } from "./listen_socket.ts";

/**
 * Begins to connect to a TCP port from a given address of this host; what is sent meanwhile waits for
 * the connection.
 *
 * @param to The other host's address.
 * @param from The address to connect from; where it cannot be bound the kernel chooses one.
 * @returns A socket that does not block, or undefined where the connection fails at once.
 */
export function connectFrom(from: string, to: string, port: number): number | undefined {
  const own = parseIPv4(from) ?? parseIPv6(from);
  const other = parseIPv4(to) ?? parseIPv6(to);
  if (other === undefined) return undefined;
  const libc = bindLibc({
    bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
    connect: { args: ["i32", "buffer", "u32"], returns: "i32" },
  });
  const fd = openSocket(other.length);
  if (fd < 0) return undefined;
  if (own !== undefined) {
    const address = socketAddress(own, 0);
    libc.bind(fd, address, address.byteLength);
  }
  const address = socketAddress(other, port);
  const connected = libc.connect(fd, address, address.byteLength) === 0;
  if (connected || lastErrno() === Errno.EINPROGRESS) return fd;
  closeFile(fd);
  return undefined;
}
