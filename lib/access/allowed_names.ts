import {
  type AllowedHost,
  isInNets,
  parseAllowedHosts,
  type Resolver,
} from "../config/allowed_hosts.ts";

/** How long the addresses of names hold before they are asked for again, in milliseconds. */
const REFRESH = 60_000;

/** How old the addresses may be when a client is none of them, in milliseconds. */
const FRESH = 5_000;

/** How long a client waits for names to be looked up, in milliseconds. */
const PATIENCE = 5_000;

/** nrpe.cfg's `allowed_hosts` in force, its names looked up now and then. */
export interface AllowList {
  readonly allows: (address: string) => boolean | Promise<boolean>;
  /** Looks names up no more. */
  readonly close: () => void;
}

/**
 * Puts a list of allowed hosts in force; without a list everyone is allowed.
 *
 * Names are looked up at once, every minute, and when a client is none of their last known
 * addresses. A name that cannot be looked up keeps the addresses that it had.
 *
 * @param failed Called with a name that has no addresses now, though it may have had some.
 */
export function enforceAllowList(
  hosts: readonly AllowedHost[] | undefined,
  lookUp: Resolver,
  failed: (name: string) => void,
): AllowList {
  if (hosts === undefined) return { allows: () => true, close: () => {} };
  const names = hosts.flatMap((host) => host.kind === "name" ? [host.name] : []);
  if (names.length === 0) return { allows: (address) => isInNets(address, hosts), close: () => {} };
  const addresses = new Map<string, readonly AllowedHost[]>();
  let pending: Promise<void> | undefined;
  let refreshed = -Infinity;
  const refreshName = async (name: string) => {
    const found = await lookUp(name).catch(() => []);
    if (found.length === 0) failed(name);
    else addresses.set(name, parseAllowedHosts(found.join(",")).hosts);
  };
  const refresh = () =>
    pending ??= Promise.all(names.map(refreshName)).then(() => {
      refreshed = performance.now();
      pending = undefined;
    });
  const isKnown = (address: string) =>
    isInNets(address, hosts) ||
    [...addresses.values()].some((known) => isInNets(address, known));
  void refresh();
  const timer = setInterval(refresh, REFRESH);
  timer.unref();
  return {
    allows(address) {
      if (isKnown(address)) return true;
      if (performance.now() - refreshed < FRESH) return false;
      return Promise.race([refresh(), Bun.sleep(PATIENCE)]).then(() => isKnown(address));
    },
    close: () => clearInterval(timer),
  };
}
