import { trimBlanks } from "../bytes.ts";

/** How the text after a directive's `=` is read. */
export interface Directive<Value> {
  /** The value where nrpe.cfg does not have the directive. */
  readonly byDefault: Value;
  readonly read: (text: string) => Reading<Value>;
  /** The value where the directive is repeated; without this, the last one. */
  repeated?(earlier: Value, later: Value): Value;
}

/** A value, perhaps with a doubt about the text, or what is wrong with the text. */
export type Reading<Value> =
  | { readonly kind: "value"; readonly value: Value; readonly doubt?: string }
  | { readonly kind: "error"; readonly reason: string };

/** The text itself. */
export function text(): Directive<string | undefined> {
  return { byDefault: undefined, read: (value) => ({ kind: "value", value }) };
}

/** A comma-separated list. Blanks around its words are ignored. */
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
  readonly most: number;
  readonly unit: string;
}

const NO_BREAK_SPACE = 0xa0;

/**
 * The number that a text begins with, as by atoi(3), and NaN without one. parseInt() would skip a byte
 * 0xA0, which is no blank in the C locale.
 */
export function leadingNumber(value: string): number {
  return value.charCodeAt(0) === NO_BREAK_SPACE ? NaN : parseInt(value, 10);
}

/**
 * A whole number, read as the C agent does, by atoi(3): text after the digits is ignored, with a doubt.
 */
export function wholeNumber(byDefault: number, { least, most, unit }: Bounds): Directive<number> {
  return {
    byDefault,
    read(value) {
      const number = leadingNumber(value);
      return number >= least && number <= most
        ? readAs(number, value)
        : { kind: "error", reason: `it must be ${unit} from ${least} to ${most}` };
    },
  };
}

/** A number, with a doubt unless it is written in the usual form. */
export function readAs<Value extends number>(number: Value, text: string): Reading<Value> {
  if (String(number) === text) return { kind: "value", value: number };
  return { kind: "value", value: number, doubt: `read as ${number}` };
}

/** 1 for yes and 0 for no. Whatever else atoi(3) does not read as 1 is no, as in the C agent. */
export function flag(byDefault: boolean): Directive<boolean> {
  return {
    byDefault,
    read(value) {
      if (value === "1" || value === "0") return { kind: "value", value: value === "1" };
      const yes = leadingNumber(value) === 1;
      return { kind: "value", value: yes, doubt: `read as ${yes ? 1 : 0}: write 1 or 0` };
    },
  };
}

/** One of some words, each of which stands for a value. Case is ignored. */
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

/** A directive that refines the value of another one. */
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
