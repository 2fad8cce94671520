/**
 * Checks of host names with --lookup: whether a client has the name in reverse lookup as well.
 */
import { confirmedName } from "../../access/confirmed_name.ts";
import { resolveName } from "../../system/names.ts";
import { type Problem, problem } from "../../wrappers/lint/finding.ts";
import { equalIgnoringCase, isKnownName, PARANOID, UNKNOWN } from "../../wrappers/request.ts";

/** A look-up that takes longer than this, in seconds, is slow. */
const SLOW = 1;

/** The result of looking up a name both ways. */
interface NameLookUp {
  /** Undefined if no address is known. */
  readonly addresses: readonly string[] | undefined;
  /** The confirmed name of each address. */
  readonly names: readonly string[];
  readonly seconds: number;
}

/** Looks up a host name both ways, and returns why a rule with it does not match. */
export function checkName(name: string): Problem | undefined {
  const start = performance.now();
  const addresses = resolveName(name)?.addresses;
  const names = addresses?.map(confirmedNameOf) ?? [];
  return lintName(name, { addresses, names, seconds: (performance.now() - start) / 1000 });
}

/** The confirmed name of an address, `unknown` also where the name services do not answer. */
function confirmedNameOf(address: string): string {
  const name = confirmedName(address);
  return typeof name === "string" ? name : UNKNOWN;
}

/** Why a rule with a name does not match, by the result of the look-up. */
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
