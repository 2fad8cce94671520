/**
 * Numbers of the kernel's interface that are the same on every architecture, by their names in its
 * headers. They are enums because the bundler inlines those, but not exported constants.
 */

/** Address families, sockets and their options: socket(2), ip(7), ipv6(7), tcp(7), send(2). */
export const enum Linux {
  AF_UNSPEC = 0,
  AF_UNIX = 1,
  AF_INET = 2,
  AF_INET6 = 10,
  SOCK_STREAM = 1,
  SOCK_DGRAM = 2,
  SOCK_NONBLOCK = 0o4000,
  SOCK_CLOEXEC = 0o2000000,
  SOL_SOCKET = 1,
  IPPROTO_TCP = 6,
  MSG_PEEK = 2,
  MSG_DONTWAIT = 0x40,
  MSG_NOSIGNAL = 0x4000,
  /** Of fcntl(2). */
  F_SETFD = 2,
  F_SETFL = 4,
  FD_CLOEXEC = 1,
  /** In bytes, with the NUL: <linux/limits.h>. */
  PATH_MAX = 4096,
}

/** Signals, see signal(7). */
export const enum Signal {
  kill = 9,
  pipe = 13,
  term = 15,
  child = 17,
  /** SIGURG, ignored by default. Here only the kernel sends it, at the parent's end. */
  urgent = 23,
  fileSize = 25,
}

/** The standard descriptors, see stdin(3). */
export const enum Stdio {
  input = 0,
  output = 1,
  error = 2,
}
