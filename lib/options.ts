/** An option of a command line. */
export interface OptionSpec<Name extends string> {
  readonly name: Name;
  readonly letter?: string;
  /** Whether a value follows. */
  readonly value?: boolean;
  /** Whether the rest of the command line belongs to the option, from its value on. */
  readonly last?: boolean;
}

/** An option as it was given. */
export interface GivenOption<Name extends string> {
  readonly name: Name;
  /** Empty for an option that takes none. */
  readonly value: string;
  /** Of an option that is the last: its value, and all words after it. */
  readonly rest: readonly string[];
}

/** The options of a command line and its other words, or what is wrong with it. */
export type GivenOptions<Name extends string> =
  | {
    readonly kind: "options";
    readonly options: readonly GivenOption<Name>[];
    readonly words: readonly string[];
  }
  | { readonly kind: "problem"; readonly problem: string };

/**
 * Reads options by the rules of getopt_long(3): short ones may be joined, long ones abbreviated where
 * that is unambiguous, and options may stand behind other words.
 */
export function readOptions<Name extends string>(
  specs: readonly OptionSpec<Name>[],
  args: readonly string[],
): GivenOptions<Name> {
  const options: GivenOption<Name>[] = [];
  const words: string[] = [];
  /** Takes an option; its value is joined to it or in the next word. Returns the next word's number. */
  const take = (spec: OptionSpec<Name>, joined: string | undefined, at: number): number => {
    const { name, value: takesValue = false, last = false } = spec;
    const value = takesValue ? joined ?? args[at + 1]! : "";
    const end = takesValue && joined === undefined ? at + 2 : at + 1;
    options.push({ name, value, rest: last ? args.slice(end - 1) : [] });
    return last ? args.length : end;
  };
  for (let at = 0; at < args.length;) {
    const word = args[at]!;
    if (word === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      at++;
      continue;
    }
    const isLast = at + 1 === args.length;
    if (word.startsWith("--")) {
      const found = longOption(specs, word.slice(2), isLast);
      if (typeof found === "string") return { kind: "problem", problem: found };
      at = take(found.spec, found.value, at);
      continue;
    }
    const start = at;
    for (let letter = 1; at === start; letter++) {
      const spec = specs.find((one) => one.letter === word[letter]);
      if (spec === undefined) {
        return { kind: "problem", problem: `invalid option -- '${word[letter]}'` };
      }
      const rest = word.slice(letter + 1);
      if (spec.value && rest === "" && isLast) {
        return { kind: "problem", problem: `option requires an argument -- '${word[letter]}'` };
      }
      const next = take(spec, rest === "" ? undefined : rest, start);
      if (spec.value || rest === "") at = next;
    }
  }
  return { kind: "options", options, words };
}

/** The option that a long word names, with the value that is joined to it; or what is wrong. */
function longOption<Name extends string>(
  specs: readonly OptionSpec<Name>[],
  word: string,
  isLast: boolean,
): { readonly spec: OptionSpec<Name>; readonly value: string | undefined } | string {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word : word.slice(0, equals);
  const value = equals < 0 ? undefined : word.slice(equals + 1);
  const exact = specs.filter((spec) => spec.name === name);
  const found = exact.length > 0 ? exact : specs.filter((spec) => spec.name.startsWith(name));
  const [spec] = found;
  if (spec === undefined) return `unrecognized option '--${name}'`;
  if (found.length > 1) {
    const names = found.map((one) => ` '--${one.name}'`).join("");
    return `option '--${name}' is ambiguous; possibilities:${names}`;
  }
  if (!spec.value) {
    return value === undefined
      ? { spec, value }
      : `option '--${spec.name}' doesn't allow an argument`;
  }
  if (value === undefined && isLast) return `option '--${spec.name}' requires an argument`;
  return { spec, value };
}
