/** Compares the names of certificates with those that nrpe.cfg lists. */
import type { Reading } from "./directive.ts";
import { type CertificateName, readSubjects, type SubjectPattern, WILDCARD } from "./subjects.ts";

/**
 * Reads the names of a certificate that somebody describes, in the same language without wildcards.
 */
export function readNames(text: string): Reading<readonly CertificateName[]> {
  const reading = readSubjects(text);
  if (reading.kind === "error") return reading;
  return reading.value.some(({ value }) => value.includes(WILDCARD))
    ? { kind: "error", reason: "a certificate's name is given without *" }
    : reading;
}

/**
 * Whether a certificate has one of the names. Where its subject has an attribute several times, each of
 * them must match: nobody can say which one its CA has examined. Of alternative names one is enough.
 */
export function matchesSubjects(
  names: readonly CertificateName[],
  patterns: readonly SubjectPattern[],
): boolean {
  return patterns.some((pattern) => {
    const values = names.flatMap(({ kind, value }) => kind === pattern.kind ? [value] : []);
    const matches = (value: string | undefined) =>
      value !== undefined && matchesValue(value, pattern);
    return pattern.kind.endsWith("=")
      ? values.length > 0 && values.every(matches)
      : values.some(matches);
  });
}

function matchesValue(value: string, pattern: SubjectPattern): boolean {
  const given = pattern.kind === "DNS:" ? value.toLowerCase() : value;
  if (!pattern.value.includes(WILDCARD)) return given === pattern.value;
  const labels = given.split(".");
  const wanted = pattern.value.split(".");
  return labels.length === wanted.length &&
    labels.every((label, at) => matchesLabel(label, wanted[at]!));
}

/** A wildcard stands for letters, digits, `-` and `_`, as many as there are; a label is not empty. */
function matchesLabel(label: string, wanted: string): boolean {
  const wildcard = wanted.indexOf(WILDCARD);
  if (wildcard < 0) return label === wanted;
  const [before, after] = [wanted.slice(0, wildcard), wanted.slice(wildcard + 1)];
  return label !== "" && label.length >= before.length + after.length &&
    label.startsWith(before) && label.endsWith(after) &&
    /^[A-Za-z0-9_-]*$/.test(label.slice(before.length, label.length - after.length));
}

/** Names as text that {@link readNames} reads, but for a value that cannot be decoded, which is `?`. */
export function namesText(names: readonly CertificateName[]): string {
  return names.map(({ kind, value }) => kind + (value === undefined ? "?" : quoted(value)))
    .join(", ");
}

/** Patterns as text that {@link readSubjects} reads. */
export function subjectsText(patterns: readonly SubjectPattern[]): string {
  return patterns.map(({ kind, value }) =>
    kind + value.split(WILDCARD).map((part) => part === "" ? "" : quoted(part)).join("*")
  ).join(", ");
}

function quoted(value: string): string {
  const plain = /^[^\s"*,\\]+( [^\s"*,\\]+)*$/.test(value);
  return plain ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}
