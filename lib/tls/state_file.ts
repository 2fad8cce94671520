import { decodeBytes, encodeBytes } from "../bytes.ts";
import {
  bindLibc,
  closeFile,
  cString,
  lastErrno,
  openFile,
  readFile,
  SystemError,
  writeAll,
} from "../system/libc.ts";
import { judgeKeptPair, type KeptPair } from "./kept_pair.ts";
import { type KeyAndCertificate, makeSelfSigned } from "./self_signed.ts";

const libc = bindLibc({
  rename: { args: ["buffer", "buffer"], returns: "i32" },
  unlink: { args: ["buffer"], returns: "i32" },
});

const O_WRONLY_CREAT_EXCL = 0o1 | 0o100 | 0o200;
const O_NOFOLLOW_CLOEXEC = 0o400000 | 0o2000000;
const LARGEST = 65536;

/** A self-signed certificate, and what the log should say about where it comes from. */
export interface Kept {
  readonly pair: KeyAndCertificate;
  readonly note: string;
  /** Why the state file is of no use, or was of none. */
  readonly warning: string | undefined;
}

/**
 * The self-signed certificate of a state file; where there is none that is valid, a new one, which is
 * written there, readable for its owner only. What somebody else may have put there stays as it is.
 *
 * @param path Nothing where no state file is configured: the certificate lives in memory then.
 * @param host The name that a new certificate is made for.
 */
export function keepSelfSigned(path: string | undefined, host: () => string, now: Date): Kept {
  const passing = "a self-signed certificate made for this process";
  if (path === undefined) {
    const note = `${passing}: no ssl_cert_file, no tls_state_file`;
    return { pair: makeSelfSigned(host(), now), note, warning: undefined };
  }
  const kept = readState(path, now);
  if (kept?.kind === "pair") {
    const { pair } = kept;
    return { pair, note: `the self-signed certificate of ${path}`, warning: undefined };
  }
  const pair = makeSelfSigned(host(), now);
  if (kept?.kind === "foreign") {
    const warning = `Warning: Cannot use tls_state_file '${path}': ${kept.why}`;
    return { pair, note: passing, warning };
  }
  const failure = writeState(path, pair);
  if (failure !== undefined) {
    return { pair, note: `${passing}: ${failure.message}`, warning: undefined };
  }
  const warning = kept && `Warning: tls_state_file '${path}' has been replaced: ${kept.why}`;
  return { pair, note: `a new self-signed certificate, kept in ${path}`, warning };
}

/** What a state file holds; nothing where there is none, or none that can be read. */
function readState(path: string, now: Date): KeptPair | undefined {
  let text: string;
  try {
    text = decodeBytes(readFile(path, LARGEST));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
  return judgeKeptPair(text, now);
}

function writeState(path: string, { key, certificate }: KeyAndCertificate): Error | undefined {
  const draft = `${path}.${process.pid}`;
  try {
    const fd = openFile(draft, O_WRONLY_CREAT_EXCL | O_NOFOLLOW_CLOEXEC, 0o600);
    const errno = writeAll(fd, encodeBytes(key + certificate));
    closeFile(fd);
    if (errno !== 0) throw new SystemError("write", errno, draft);
    if (libc.rename(cString(draft), cString(path)) !== 0) {
      throw new SystemError("rename", lastErrno(), path);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    libc.unlink(cString(draft));
    return error;
  }
}
