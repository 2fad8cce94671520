/**
 * What --lookup finds wrong with a host name: that clients are not known by it.
 */
import { confirmedName } from "../../confirmed_name.ts";
import { resolveName } from "../../system/names.ts";
import { type Problem, problem } from "../../wrappers/lint/finding.ts";
import { equalIgnoringCase, isKnownName, PARANOID } from "../../wrappers/request.ts";

/** A look-up that takes longer than this, in seconds, is slow. */
const SLOW = 1;

/** What looking a name up both ways came to. */
export interface NameLookUp {
  /** Undefined where no address is known. */
  readonly addresses: readonly string[] | undefined;
  /** The confirmed name of each address. */
  readonly names: readonly string[];
  readonly seconds: number;
}

/** Looks a host name up, both ways, and tells why a rule that names it would not match it. */
export function checkName(name: string): Problem | undefined {
  const start = performance.now();
  const addresses = resolveName(name)?.addresses;
  const names = addresses?.map((address) => confirmedName(address)) ?? [];
  return lintName(name, { addresses, names, seconds: (performance.now() - start) / 1000 });
}

/** What is wrong with a name of which this was found out. */
export function lintName(
  name: string,
  { addresses, names, seconds }: NameLookUp,
): Problem | undefined {
  if (addresses === undefined) return problem("unknown-host", { name });
  if (names.some((known) => equalIgnoringCase(known, name))) {
    return seconds < SLOW
      ? undefined
      : problem("slow-lookup", { name, seconds: seconds.toFixed(1) });
  }
  const other = names.find(isKnownName);
  if (other !== undefined) return problem("host-alias", { name, other });
  const kind = names.includes(PARANOID) ? "paranoid" : "nameless";
  return problem(`unconfirmed-host/${kind}`, { name, addresses: addresses.join(" ") });
}
