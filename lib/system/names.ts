/**
 * Names, addresses and netgroups, from the resolver and the name services of the C library. They block.
 */
import { ffi, type Pointer } from "./ffi.ts";
import { decodeBytes } from "../bytes.ts";
import { bindLater, cString, Errno, SystemError, textAt } from "./libc.ts";
import { Linux } from "./linux.ts";

const AI_CANONNAME = 2;
const AI_NUMERICHOST = 4;
const NI_NUMERICHOST = 1;
const NI_NAMEREQD = 8;
const NI_MAXHOST = 1025;
/** EAI_NONAME, EAI_NODATA and glibc's EAI_ADDRFAMILY. */
const NO_SUCH_NAME: readonly number[] = [-2, -5, -9];

const libc = bindLater({
  getaddrinfo: { args: ["buffer", "ptr", "buffer", "buffer"], returns: "i32" },
  freeaddrinfo: { args: ["ptr"], returns: "void" },
  gai_strerror: { args: ["i32"], returns: "cstring" },
  getnameinfo: { args: ["ptr", "u32", "buffer", "u32", "ptr", "u32", "i32"], returns: "i32" },
});

const netgroups = bindLater({
  innetgr: { args: ["buffer", "buffer", "ptr", "ptr"], returns: "i32" },
});

type Family = "IPv4" | "IPv6";

const FAMILIES: Readonly<Record<Family, number>> = { IPv4: Linux.AF_INET, IPv6: Linux.AF_INET6 };

/** The result of a forward lookup. */
interface Resolution {
  /** Its addresses in text form, in the resolver's order. */
  readonly addresses: readonly string[];
  /** The canonical name, see AI_CANONNAME. */
  readonly canonicalName: string;
}

/** The resolver's answer, or why there is none. */
export type Found<Answer> =
  | { readonly kind: "found"; readonly answer: Answer }
  /** No such name or address, or none of that family. */
  | { readonly kind: "none" }
  /**
   * No name server answers, or memory or descriptors have run out: one error in glibc, EAI_AGAIN. For
   * addresses, musl reports this as `none`.
   */
  | { readonly kind: "failure"; readonly reason: string };

/** The addresses of a host name; undefined if none can be found. */
export function resolveName(name: string): Resolution | undefined {
  const found = findAddresses(name);
  return found.kind === "found" ? found.answer : undefined;
}

/**
 * The addresses of a host name, by getaddrinfo(3).
 *
 * @param family Only addresses of this family.
 */
export function findAddresses(name: string, family?: Family): Found<Resolution> {
  const hints = { flags: AI_CANONNAME, family: family ? FAMILIES[family] : Linux.AF_UNSPEC };
  return withAddrinfo(name, hints, (first) => {
    const canonical = ffi.read.ptr(first, 32) as Pointer;
    const addresses: string[] = [];
    for (let entry: Pointer | 0 = first; entry; entry = ffi.read.ptr(entry, 40) as Pointer | 0) {
      addresses.push(numericHost(entry));
    }
    const canonicalName = canonical ? textAt(canonical) : name;
    return { kind: "found", answer: { addresses, canonicalName } };
  });
}

/** Whether getaddrinfo(3) accepts a text as an address, without a lookup. */
export function isNumericAddress(text: string): boolean {
  const hints = { flags: AI_NUMERICHOST, family: Linux.AF_UNSPEC };
  return withAddrinfo(text, hints, () => ({ kind: "found", answer: text })).kind === "found";
}

/** The name of an address by reverse lookup, see getnameinfo(3). */
export function findName(address: string): Found<string> {
  const hints = { flags: AI_NUMERICHOST, family: Linux.AF_UNSPEC };
  return withAddrinfo(address, hints, (first) => nameInfo(first, NI_NAMEREQD));
}

function withAddrinfo<Answer>(
  name: string,
  { flags, family }: { readonly flags: number; readonly family: number },
  use: (first: Pointer) => Found<Answer>,
): Found<Answer> {
  // struct addrinfo: flags, family, socktype, protocol, addrlen, (padding), addr, canonname, next.
  const hints = new Int32Array(12);
  hints.set([flags, family, Linux.SOCK_STREAM]);
  const result = new BigUint64Array(1);
  const error = libc().getaddrinfo(cString(name), null, hints, result);
  if (error !== 0) return lookUpFailure(error);
  const first = ffi.read.ptr(ffi.ptr(result), 0) as Pointer;
  try {
    return use(first);
  } finally {
    libc().freeaddrinfo(first);
  }
}

function lookUpFailure(error: number): Found<never> {
  if (NO_SUCH_NAME.includes(error)) return { kind: "none" };
  return { kind: "failure", reason: String(libc().gai_strerror(error)) };
}

/** An address as text, with its zone if it has one. */
function numericHost(entry: Pointer): string {
  const text = nameInfo(entry, NI_NUMERICHOST);
  return text.kind === "found" ? text.answer : "";
}

/** getnameinfo(3) for the address in a struct addrinfo. */
function nameInfo(entry: Pointer, flags: number): Found<string> {
  const text = new Uint8Array(NI_MAXHOST);
  const sockaddr = ffi.read.ptr(entry, 24) as Pointer;
  const length = ffi.read.u32(entry, 16);
  const error = libc().getnameinfo(sockaddr, length, text, NI_MAXHOST, null, 0, flags);
  if (error !== 0) return lookUpFailure(error);
  return { kind: "found", answer: decodeBytes(text, 0, text.indexOf(0)) };
}

/**
 * Whether innetgr(3) finds a host in a netgroup.
 * @throws {SystemError} ENOSYS where the C library has no netgroups, as musl.
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
