/**
 * Makes docs/lint-codes.md from the catalogue of the lint: `deno task docs`.
 */
import { writeFileSync } from "node:fs";
import { CATALOGUE, type Example, type Row } from "../lib/wrappers/lint/catalogue.ts";

const PAGE = new URL("../docs/lint-codes.md", import.meta.url).pathname;

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

/** The whole page: the codes in alphabetical order, each with its cases. */
export function lintCodesPage(): string {
  const codes = new Map<string, Row[]>();
  for (const [name, row] of Object.entries(CATALOGUE)) {
    const code = name.split("/", 1)[0]!;
    codes.set(code, [...codes.get(code) ?? [], row]);
  }
  const sections = [...codes].sort(([one], [other]) => one < other ? -1 : 1);
  return INTRODUCTION +
    sections.map(([code, rows]) => `\n## ${code}\n${rows.map(sectionOf).join("")}`).join("");
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

if (import.meta.main) writeFileSync(PAGE, lintCodesPage());
