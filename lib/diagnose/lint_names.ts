import { resolveName } from "../system/names.ts";
import { type Complaint, complaint } from "../wrappers/lint_finding.ts";
import { equalIgnoringCase, isKnownName, PARANOID, UNKNOWN } from "../wrappers/request.ts";
import { confirmedName } from "../confirmed_name.ts";

/** A lookup that takes longer than this, in milliseconds, is slow. */
const SLOW = 1000;

/** Looks a host name up, both ways, and tells why a rule that names it would not match it. */
export function checkName(name: string): Complaint | undefined {
  const start = performance.now();
  const found = resolveName(name);
  const names = found?.addresses.map(knownName) ?? [];
  const took = performance.now() - start;
  if (found === undefined) {
    return complaint("warning", "unknown-host", `no address is known for ${name}`);
  }
  if (!names.some((known) => equalIgnoringCase(known, name))) {
    const other = names.find(isKnownName);
    if (other !== undefined) {
      return complaint(
        "warning",
        "host-alias",
        `${name} is another name of ${other}, and clients are known by that`,
        `write ${other}`,
      );
    }
    return complaint(
      "warning",
      "unconfirmed-host",
      names.includes(PARANOID)
        ? `the addresses of ${name} have names that contradict it, so clients there are PARANOID`
        : `the addresses of ${name} have no names (reverse lookup), so this matches nobody`,
      `write ${found.addresses.join(" ")}, or mend the reverse lookup`,
    );
  }
  if (took < SLOW) return undefined;
  return complaint(
    "warning",
    "slow-lookup",
    `looking ${name} up took ${(took / 1000).toFixed(1)} seconds, which each check waits`,
    "give the address as well",
  );
}

function knownName(address: string): string {
  const name = confirmedName(address);
  return typeof name === "string" ? name : UNKNOWN;
}
