import { parseIPv4, parseIPv6 } from "../address.ts";
import { resolveHost } from "../system/resolve_host.ts";
import { callAt } from "../system/timer.ts";

/** The addresses of a host, or why there are none. */
export type Addresses =
  | { readonly kind: "found"; readonly addresses: readonly [string, ...string[]] }
  | { readonly kind: "timed out" | "unresolved" };

/**
 * Finds the addresses of a host.
 *
 * @param host A name or an address, which may have a zone (RFC 4007, 11).
 * @param deadline In milliseconds of `now()`.
 */
export async function addressesOf(host: string, deadline: number): Promise<Addresses> {
  if (familyOf(host) !== undefined) return { kind: "found", addresses: [host] };
  if (host === "") return { kind: "unresolved" };
  const { promise, resolve } = Promise.withResolvers<Addresses>();
  const timer = callAt(deadline, () => resolve({ kind: "timed out" }));
  resolveHost(host).then(
    ([first, ...others]) => {
      if (first !== undefined) resolve({ kind: "found", addresses: [first, ...others] });
      else resolve({ kind: "unresolved" });
    },
    () => resolve({ kind: "unresolved" }),
  );
  const found = await promise;
  timer.cancel();
  return found;
}

/** The family of an address; undefined for a name. */
export function familyOf(host: string): 4 | 6 | undefined {
  if (parseIPv4(host) !== undefined) return 4;
  return parseIPv6(host.replace(/%.*$/, "")) === undefined ? undefined : 6;
}
