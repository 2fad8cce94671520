/** The codes of the lint for a person, made from its catalogue: a page, and a list of the manual. */
import { CATALOGUE, type Example, type Row } from "../lib/wrappers/lint/catalogue.ts";

const INTRODUCTION = `# What \`nrpe --check-access\` finds

<!-- Made from lib/wrappers/lint/catalogue.ts by \`deno task docs\`: do not edit. -->

Without a client, \`nrpe --check-access\` checks hosts.allow, hosts.deny and the pattern files that
they name. Each finding ends with its code in brackets, and has it as \`code\` with \`--json\`. Codes
stay as they are; messages may change.

- An **error** does not do what it says. The exit status is then 1, otherwise 0.
- A **warning** does more or less than it seems to.
- A **hint** works but rests on something that may fail.

Below each message stand an example and, after \`=\`, what to do. Words in capitals stand for what is
found. An example without a file name is a line of hosts.allow, with \`ALL: ALL\` in hosts.deny;
\`\\x20\` is the byte with that value.
`;

/** docs/lint-codes.md: the codes in alphabetical order, each with its cases. */
export function lintCodesPage(): string {
  return INTRODUCTION +
    sortedCodes().map(([code, rows]) => `\n## ${code}\n${rows.map(sectionOf).join("")}`).join("");
}

/** The codes in alphabetical order, each with its cases. */
function sortedCodes(): readonly (readonly [code: string, rows: readonly Row[]])[] {
  const codes = new Map<string, Row[]>();
  for (const [name, row] of Object.entries(CATALOGUE)) {
    const code = name.split("/", 1)[0]!;
    codes.set(code, [...codes.get(code) ?? [], row]);
  }
  return [...codes].sort(([one], [other]) => one < other ? -1 : 1);
}

const BEGIN = '.\\" The codes, written by deno task docs from lib/wrappers/lint/catalogue.ts.\n';
const END = '.\\" The end of the codes.\n';

/** nrpe-access(5) with the codes in its DIAGNOSTICS, each with the messages of its cases, in mdoc(7). */
export function withLintCodes(manual: string): string {
  const entries = sortedCodes().map(([code, rows]) => {
    const texts = rows.map(({ example: _, suggestion: __, ...message }) => {
      const [severity, text] = Object.entries(message)[0]!;
      return mdocLines(withCapitals(`${severity}: ${text}`));
    });
    return `.It Li ${code}\n${[...new Set(texts)].join(".Pp\n")}`;
  });
  const [before, rest] = manual.split(BEGIN);
  const [, after] = rest!.split(END);
  return `${before}${BEGIN}.Bl -tag -width Ds\n${entries.join("")}.El\n${END}${after}`;
}

const MDOC_LINE = 78;

/** A text in lines of which none has characters of roff's, see mandoc_char(7). */
function mdocLines(text: string): string {
  const lines: string[] = [];
  for (const word of text.replaceAll("\\", "\\e").replaceAll("'", "\\(aq").split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= MDOC_LINE) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word.startsWith(".") ? `\\&${word}` : word);
  }
  return `${lines.join("\n")}\n`;
}

/** A case as `nrpe --check-access` shows it: what is wrong, the example, what to do. */
function sectionOf({ example, suggestion, ...message }: Row): string {
  const [severity, text] = Object.entries(message)[0]!;
  const advice = suggestion === undefined ? [] : [withCapitals(`= ${suggestion}`)];
  const lines = [withCapitals(`${severity}: ${text}`)];
  lines.push(...indented([...exampleLines(example), ...advice]));
  return `\n\`\`\`\n${lines.join("\n")}\n\`\`\`\n`;
}

function withCapitals(text: string): string {
  return text.replace(/\{(\w+)\}/g, (_, name) => name.toUpperCase());
}

function exampleLines(example: Example): readonly string[] {
  if (typeof example === "string") return example.split("\n").map(printed);
  const { allow, deny, files = {}, zone, shell, options } = example;
  const texts = Object.entries({ "/etc/hosts.allow": allow, "/etc/hosts.deny": deny, ...files });
  return [
    ...texts.flatMap(([path, text]) => text === undefined ? [] : [`${path}:`, ...fileLines(text)]),
    ...zone === undefined ? [] : ["DNS:", ...indented(zone.length === 0 ? ["(nothing)"] : zone)],
    ...shell === undefined ? [] : [`# ${shell}`],
    ...options === undefined ? [] : [`# nrpe --check-access ${options}`],
  ];
}

function fileLines(text: string): readonly string[] {
  const lines = text.split("\n").map(printed);
  return indented(lines.at(-1) === "" ? lines.slice(0, -1) : [...lines, "(no newline at the end)"]);
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `    ${line}`);
}

const MAX_LINE = 80;

/** A line of a file, cut where it is long, with escapes for bytes that do not print. */
function printed(line: string): string {
  if (line.length > MAX_LINE) {
    return `${line.slice(0, MAX_LINE / 2)}... (${line.length} bytes)`;
  }
  return line.replace(
    /[^\x20-\x7e]|\x20$/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
