import { trimBlanks } from "../bytes.ts";

/** How the text behind a directive's `=` becomes a value. */
export interface Directive<Value> {
  /** What counts where nrpe.cfg doesn't name the directive. */
  readonly byDefault: Value;
  readonly read: (text: string) => Reading<Value>;
  /** What counts where the directive is given once more; the last value, unless this says otherwise. */
  repeated?(earlier: Value, later: Value): Value;
}

/** A value, perhaps with a doubt about the text; or what is wrong with the text. */
export type Reading<Value> =
  | { readonly kind: "value"; readonly value: Value; readonly doubt?: string }
  | { readonly kind: "error"; readonly reason: string };

/** Text as it stands. */
export function text(): Directive<string | undefined> {
  return { byDefault: undefined, read: (value) => ({ kind: "value", value }) };
}

/** A comma list; blanks around its words don't count. */
export function list(): Directive<readonly string[]> {
  return {
    byDefault: [],
    read: (value) => ({
      kind: "value",
      value: value.split(",").map(trimBlanks).filter((word) => word !== ""),
    }),
  };
}

/** The bounds of a number, and what it counts. */
export interface Bounds {
  readonly least: number;
  readonly most?: number;
  readonly unit: string;
}

/**
 * A whole number. The reference reads numbers as atoi(3) does, so text behind the digits is
 * left out here as there, with a doubt.
 */
export function integer(byDefault: number, { least, most, unit }: Bounds): Directive<number> {
  return {
    byDefault,
    read(value) {
      const number = parseInt(value, 10);
      if (!(number >= least && number <= (most ?? Number.MAX_SAFE_INTEGER))) {
        const range = most === undefined ? `of at least ${least}` : `from ${least} to ${most}`;
        return { kind: "error", reason: `it must be ${unit} ${range}` };
      }
      if (String(number) === value) return { kind: "value", value: number };
      return { kind: "value", value: number, doubt: `read as ${number}` };
    },
  };
}

/** 1 for yes and 0 for no; whatever else atoi(3) does not read as 1 is no, as in the reference. */
export function flag(byDefault: boolean): Directive<boolean> {
  return {
    byDefault,
    read(value) {
      if (value === "1" || value === "0") return { kind: "value", value: value === "1" };
      const yes = parseInt(value, 10) === 1;
      return { kind: "value", value: yes, doubt: `read as ${yes ? 1 : 0}: write 1 or 0` };
    },
  };
}

/** One of some words, each standing for a value; case doesn't count. */
export function word<const Value>(
  byDefault: NoInfer<Value>,
  words: Readonly<Record<string, Value>>,
): Directive<Value> {
  return {
    byDefault,
    read(value) {
      const key = value.toLowerCase();
      for (const word in words) if (word === key) return { kind: "value", value: words[word]! };
      return { kind: "error", reason: `it must be one of ${Object.keys(words).join(", ")}` };
    },
  };
}

/** A directive with a further reading of what another one has read. */
export function refined<From, To>(
  directive: Directive<From>,
  byDefault: To,
  refine: (value: From) => Reading<To>,
): Directive<To> {
  return {
    byDefault,
    read(value) {
      const reading = directive.read(value);
      return reading.kind === "error" ? reading : refine(reading.value);
    },
  };
}
