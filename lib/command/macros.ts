/**
 * Expands the macros of a command definition, as the C agent does.
 *
 * `$ARG1$` to `$ARG16$` become that argument, or nothing; `$$` becomes one `$`. Of another name that
 * begins with `ARG`, the digits that follow are the number of the argument; without digits it becomes
 * nothing. Any other `$name$` and an unpaired `$` stay. Arguments are not expanded.
 */
export function expandMacros(definition: string, args: readonly string[]): string {
  let expanded = "";
  let start = 0;
  for (;;) {
    const open = definition.indexOf("$", start);
    const close = open < 0 ? -1 : definition.indexOf("$", open + 1);
    if (close < 0) return expanded + definition.slice(start);
    expanded += definition.slice(start, open) + valueOf(definition.slice(open + 1, close), args);
    start = close + 1;
  }
}

function valueOf(name: string, args: readonly string[]): string {
  if (name === "") return "$";
  if (!name.startsWith("ARG")) return `$${name}$`;
  const number = /^[0-9]+/.exec(name.slice(3))?.[0];
  return number === undefined ? "" : args[Number(number) - 1] ?? "";
}
