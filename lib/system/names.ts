/**
 * Names, addresses, netgroups and accounts, asked of the C library, which may block.
 */
import { ffi, type Pointer } from "./ffi.ts";
import { decodeBytes } from "../bytes.ts";
import { bindLater, cString, Errno, SystemError, textAt } from "./libc.ts";

const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const AI_CANONNAME = 2;
const AI_NUMERICHOST = 4;
const NI_NUMERICHOST = 1;
const NI_NAMEREQD = 8;
const NI_MAXHOST = 1025;
/** EAI_NONAME, EAI_NODATA and glibc's EAI_ADDRFAMILY: what was asked for does not exist. */
const NO_SUCH_NAME: readonly number[] = [-2, -5, -9];

const libc = bindLater({
  getaddrinfo: { args: ["buffer", "ptr", "buffer", "buffer"], returns: "i32" },
  freeaddrinfo: { args: ["ptr"], returns: "void" },
  gai_strerror: { args: ["i32"], returns: "cstring" },
  getnameinfo: { args: ["ptr", "u32", "buffer", "u32", "ptr", "u32", "i32"], returns: "i32" },
  getpwnam: { args: ["buffer"], returns: "ptr" },
  getgrnam: { args: ["buffer"], returns: "ptr" },
});

const netgroups = bindLater({
  innetgr: { args: ["buffer", "buffer", "ptr", "ptr"], returns: "i32" },
});

/** A family of addresses. */
export type Family = "IPv4" | "IPv6";

const FAMILIES: Readonly<Record<Family, number>> = { IPv4: AF_INET, IPv6: AF_INET6 };

/** What a host name stands for. */
export interface Resolution {
  /** Its addresses in text form, in the resolver's order. */
  readonly addresses: readonly string[];
  /** The name that the resolver calls canonical. */
  readonly canonicalName: string;
}

/** What the resolver said, or why it could not say anything. */
export type Found<Answer> =
  | { readonly kind: "found"; readonly answer: Answer }
  /** There is no such name or address, or none of that family. */
  | { readonly kind: "none" }
  /**
   * It has no answer now: no name server answers, or there is no memory or descriptor to ask with, for
   * which glibc has one error (EAI_AGAIN). musl does not tell this from `none` for addresses.
   */
  | { readonly kind: "failure"; readonly reason: string };

/** The addresses of a host name; undefined if none can be found, for whatever reason. */
export function resolveName(name: string): Resolution | undefined {
  const found = findAddresses(name);
  return found.kind === "found" ? found.answer : undefined;
}

/**
 * The addresses of a host name, by getaddrinfo(3).
 *
 * @param family The only family that is of interest, if one is.
 */
export function findAddresses(name: string, family?: Family): Found<Resolution> {
  const hints = { flags: AI_CANONNAME, family: family ? FAMILIES[family] : AF_UNSPEC };
  return withAddressInfo(name, hints, (first) => {
    const canonical = ffi.read.ptr(first, 32) as Pointer;
    const addresses: string[] = [];
    for (let entry: Pointer | 0 = first; entry; entry = ffi.read.ptr(entry, 40) as Pointer | 0) {
      addresses.push(addressText(entry));
    }
    const canonicalName = canonical ? textAt(canonical) : name;
    return { kind: "found", answer: { addresses, canonicalName } };
  });
}

/** Whether getaddrinfo(3) reads a text as an address, without looking anything up. */
export function isNumericAddress(text: string): boolean {
  const hints = { flags: AI_NUMERICHOST, family: AF_UNSPEC };
  return withAddressInfo(text, hints, () => ({ kind: "found", answer: text })).kind === "found";
}

/** The name that reverse lookup gives for an address, by getnameinfo(3). */
export function findName(address: string): Found<string> {
  const hints = { flags: AI_NUMERICHOST, family: AF_UNSPEC };
  return withAddressInfo(address, hints, (first) => nameInfo(first, NI_NAMEREQD));
}

function withAddressInfo<Answer>(
  name: string,
  { flags, family }: { readonly flags: number; readonly family: number },
  use: (first: Pointer) => Found<Answer>,
): Found<Answer> {
  // struct addrinfo: flags, family, socktype, protocol, addrlen, (padding), addr, canonname, next.
  const hints = new Int32Array(12);
  hints.set([flags, family, SOCK_STREAM]);
  const result = new BigUint64Array(1);
  const error = libc().getaddrinfo(cString(name), null, hints, result);
  if (error !== 0) return notFound(error);
  const first = ffi.read.ptr(ffi.ptr(result), 0) as Pointer;
  try {
    return use(first);
  } finally {
    libc().freeaddrinfo(first);
  }
}

function notFound(error: number): Found<never> {
  if (NO_SUCH_NAME.includes(error)) return { kind: "none" };
  return { kind: "failure", reason: String(libc().gai_strerror(error)) };
}

/** An address as text, with its zone if it has one. */
function addressText(entry: Pointer): string {
  const text = nameInfo(entry, NI_NUMERICHOST);
  return text.kind === "found" ? text.answer : "";
}

/** What getnameinfo(3) makes of the address in a struct addrinfo. */
function nameInfo(entry: Pointer, flags: number): Found<string> {
  const text = new Uint8Array(NI_MAXHOST);
  const sockaddr = ffi.read.ptr(entry, 24) as Pointer;
  const length = ffi.read.u32(entry, 16);
  const error = libc().getnameinfo(sockaddr, length, text, NI_MAXHOST, null, 0, flags);
  if (error !== 0) return notFound(error);
  return { kind: "found", answer: decodeBytes(text, 0, text.indexOf(0)) };
}

/**
 * Whether innetgr(3) finds a host in a netgroup.
 * @throws {SystemError} with ENOSYS where the C library knows no netgroups, as musl doesn't.
 */
export function isInNetgroup(netgroup: string, host: string): boolean {
  return innetgr()(cString(netgroup), cString(host), null, null) === 1;
}

function innetgr(): ReturnType<typeof netgroups>["innetgr"] {
  try {
    return netgroups().innetgr;
  } catch {
    throw new SystemError("innetgr", Errno.ENOSYS);
  }
}

/** Whether getpwnam(3) knows a user. */
export function userExists(name: string): boolean {
  return libc().getpwnam(cString(name)) !== null;
}

/** Whether getgrnam(3) knows a group. */
export function groupExists(name: string): boolean {
  return libc().getgrnam(cString(name)) !== null;
}
