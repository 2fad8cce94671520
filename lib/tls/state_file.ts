import { X509Certificate } from "node:crypto";
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
}

/**
 * The self-signed certificate of a state file; where there is none that is valid, a new one, which is
 * written there, readable for its owner only.
 *
 * @param path Nothing where no state file is configured: the certificate lives in memory then.
 */
export function keepSelfSigned(path: string | undefined, host: string, now: Date): Kept {
  if (path === undefined) {
    return {
      pair: makeSelfSigned(host, now),
      note: "a self-signed certificate made for this process: no ssl_cert_file, no tls_state_file",
    };
  }
  const kept = readState(path, now);
  if (kept !== undefined) return { pair: kept, note: `the self-signed certificate of ${path}` };
  const pair = makeSelfSigned(host, now);
  const failure = writeState(path, pair);
  return {
    pair,
    note: failure === undefined
      ? `a new self-signed certificate, kept in ${path}`
      : `a self-signed certificate made for this process: ${failure.message}`,
  };
}

function readState(path: string, now: Date): KeyAndCertificate | undefined {
  try {
    const text = decodeBytes(readFile(path, LARGEST));
    const certificate = text.slice(text.indexOf("-----BEGIN CERTIFICATE-----"));
    const { validTo } = new X509Certificate(certificate);
    if (new Date(validTo) < now) return undefined;
    return { key: text.slice(0, text.length - certificate.length), certificate };
  } catch {
    // Absent, unreadable or damaged: in every case there is no certificate to be had from it.
    return undefined;
  }
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
