/** How long denials are remembered, in milliseconds. */
const WINDOW = 1_000;
/** After how many of them within that time an address is not decided about any more. */
const MANY = 32;
/** How many addresses are remembered. */
const MOST_ADDRESSES = 4096;

/** Remembers, for a second, which addresses have been denied, and for which reason. */
export interface Denials<Reason> {
  readonly add: (address: string, reason: Reason) => void;
  /** Why an address is denied without another look: it was so often enough. */
  readonly again: (address: string) => Reason | undefined;
  readonly forget: () => void;
}

/**
 * Makes an empty memory. It is for denials that depend on the address alone: the next one would be the
 * same, unless the tables change meanwhile.
 * @param clock In milliseconds.
 */
export function rememberDenials<Reason>(clock: () => number): Denials<Reason> {
  const denied = new Map<string, { count: number; readonly reason: Reason }>();
  let end = -Infinity;
  const expire = () => {
    const time = clock();
    if (time < end) return;
    end = time + WINDOW;
    denied.clear();
  };
  return {
    add(address, reason) {
      expire();
      const known = denied.get(address);
      if (known !== undefined) known.count++;
      else if (denied.size < MOST_ADDRESSES) denied.set(address, { count: 1, reason });
    },
    again(address) {
      expire();
      const known = denied.get(address);
      return known !== undefined && known.count >= MANY ? known.reason : undefined;
    },
    forget: () => denied.clear(),
  };
}
