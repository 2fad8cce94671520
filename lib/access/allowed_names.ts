import {
  type AllowedHost,
  isInNets,
  parseAllowedHosts,
  type Resolver,
} from "../config/allowed_hosts.ts";

/** How often names are looked up, in milliseconds. */
const REFRESH = 60_000;

/** How old the addresses may be that refuse a client, in milliseconds. */
const FRESH = 5_000;

/** How long a client waits for a look-up, in milliseconds. */
const LOOK_UP_TIMEOUT = 5_000;

/** nrpe.cfg's `allowed_hosts`, with its names looked up. */
export interface AllowList {
  readonly allows: (address: string) => boolean | Promise<boolean>;
  /** Stops looking names up. */
  readonly close: () => void;
}

/**
 * Applies a list of allowed hosts; without a list every client is allowed.
 *
 * Names are looked up at once, every minute, and when a client has none of their known addresses. A
 * name that cannot be looked up keeps the addresses that it had.
 *
 * @param failed Called with a name for which no address is found.
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
      return Promise.race([refresh(), Bun.sleep(LOOK_UP_TIMEOUT)]).then(() => isKnown(address));
    },
    close: () => clearInterval(timer),
  };
}
