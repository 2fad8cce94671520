import { chmodSync } from "node:fs";
import { bindLibc, closeFile, lastErrno, SystemError } from "../../lib/system/libc.ts";
import { decodeBytes, encodeBytes } from "../../lib/bytes.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  recv: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
});

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000 | 0o2000000;

/** A service manager's socket, see sd_notify(3). */
export interface Notices extends Disposable {
  readonly path: string;
  /** Takes away all notices that have arrived. */
  take(): string[];
}

/**
 * Binds a socket for notices, which every user may send to.
 * @param path A path, or an abstract name after `@`.
 */
export function listenForNotices(path: string): Notices {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
  const address = new Uint8Array(110);
  new Uint16Array(address.buffer)[0] = AF_UNIX;
  const isAbstract = path.startsWith("@");
  address.set(encodeBytes(path.replace(/^@/, "\0")), 2);
  if (libc.bind(fd, address, 2 + path.length + (isAbstract ? 0 : 1)) !== 0) {
    throw new SystemError("bind", lastErrno(), path);
  }
  if (!isAbstract) chmodSync(path, 0o666);
  const buffer = new Uint8Array(4096);
  return {
    path,
    take() {
      const notices: string[] = [];
      for (;;) {
        const length = libc.recv(fd, buffer, buffer.byteLength, 0);
        if (length < 0) return notices;
        notices.push(decodeBytes(buffer, 0, length));
      }
    },
    [Symbol.dispose]: () => closeFile(fd),
  };
}
