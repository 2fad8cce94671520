/**
 * The system calls that are made to fail, and how: with errors that the kernel, or a file system or
 * driver below it, can return, also where that is rare. EINTR is harmless also where the kernel would
 * restart the call.
 */
export const ERRORS: Readonly<Record<string, readonly string[]>> = {
  read: ["EIO", "EINTR", "ENOMEM", "EAGAIN"],
  pread64: ["EIO", "EINTR", "ENOMEM"],
  write: ["EIO", "EINTR", "EAGAIN"],
  sendto: ["ENOMEM", "EINTR", "EAGAIN", "EIO"],
  sendmsg: ["ENOMEM", "EINTR", "EAGAIN", "EIO"],
  recvfrom: ["ENOMEM", "EINTR", "EAGAIN", "EIO"],
  recvmsg: ["ENOMEM", "EINTR", "EAGAIN", "EIO"],
  open: ["EMFILE", "EINTR", "EIO", "ENOMEM"],
  openat: ["EMFILE", "EINTR", "EIO", "ENOMEM"],
  getdents64: ["EIO", "ENOMEM"],
  fstat: ["EIO", "EINTR", "ENOMEM"],
  newfstatat: ["EIO", "EINTR", "ENOMEM"],
  statx: ["EIO", "EINTR", "ENOMEM"],
  readlink: ["EIO", "ENOMEM"],
  fcntl: ["ENOMEM", "EINTR", "EMFILE", "EIO"],
  close: ["EIO", "EINTR"],
  close_range: ["EMFILE", "ENOMEM"],
  dup3: ["EMFILE", "EINTR"],
  ioctl: ["ENOMEM", "EIO"],
  socket: ["EMFILE", "ENOMEM", "EIO"],
  socketpair: ["EMFILE", "ENOMEM"],
  connect: ["ENOMEM", "EINTR", "EAGAIN", "EIO"],
  accept4: ["EMFILE", "EINTR", "EAGAIN", "ENOMEM", "EIO"],
  bind: ["ENOMEM", "EIO"],
  listen: ["ENOMEM", "EIO"],
  getpeername: ["ENOMEM", "EINTR", "EIO"],
  getsockname: ["ENOMEM", "EINTR", "EIO"],
  getsockopt: ["ENOMEM", "EINTR", "EIO"],
  setsockopt: ["ENOMEM", "EINTR", "EIO"],
  shutdown: ["ENOMEM", "EIO"],
  poll: ["EINTR", "ENOMEM", "EAGAIN"],
  ppoll: ["EINTR", "ENOMEM", "EAGAIN"],
  epoll_create1: ["EMFILE", "ENOMEM"],
  epoll_ctl: ["ENOMEM", "EIO"],
  epoll_pwait: ["EINTR", "EIO"],
  epoll_pwait2: ["EINTR", "EIO"],
  eventfd2: ["EMFILE", "ENOMEM"],
  pipe2: ["EMFILE", "ENOMEM"],
  clone: ["EAGAIN", "ENOMEM", "EINTR"],
  clone3: ["EAGAIN", "ENOMEM", "EINTR"],
  vfork: ["EAGAIN", "ENOMEM"],
  pidfd_open: ["EMFILE", "ENOMEM"],
  wait4: ["EINTR", "EIO", "ECHILD"],
  waitid: ["EINTR", "EIO"],
  prlimit64: ["EIO"],
  mmap: ["ENOMEM", "EAGAIN"],
  munmap: ["ENOMEM"],
  mprotect: ["ENOMEM"],
  madvise: ["ENOMEM", "EAGAIN"],
  brk: ["ENOMEM"],
};

/** Those in which a program fails that the agent has just started: before it, and execve(2) itself. */
export const ERRORS_OF_CHILDREN: Readonly<Record<string, readonly string[]>> = {
  setpgid: ["EIO"],
  dup2: ["EMFILE", "EINTR"],
  execve: ["ENOMEM", "EAGAIN", "EIO", "EMFILE", "EINTR"],
};

/** Those with which a process that looks names up opens and reads /etc/hosts. */
export const ERRORS_OF_LOOK_UPS: Readonly<Record<string, readonly string[]>> = {
  openat: ["EMFILE", "EINTR", "EIO", "ENOMEM"],
  read: ["EIO", "EINTR", "ENOMEM"],
};

export const CALLS = Object.keys(ERRORS);
export const CALLS_OF_CHILDREN = Object.keys(ERRORS_OF_CHILDREN);

/** Calls about memory. */
const ABOUT_MEMORY: readonly string[] = ["mmap", "munmap", "mprotect", "madvise", "brk"];

/**
 * Whether a call is one of the runtime's, of whose failure the agent does not hear. Without memory or a
 * thread that it needs the runtime ends the process; a connection that it cannot wait for it closes.
 *
 * @param line The call, as strace shows it.
 */
export function isRuntimes(line: string): boolean {
  const call = line.slice(0, line.indexOf("("));
  if (call === "epoll_ctl") return line.includes("EPOLL_CTL_ADD");
  return call === "clone3" ? line.includes("CLONE_THREAD") : ABOUT_MEMORY.includes(call);
}
