/** docs/reference.md: every option and every directive, made from the code. */
import { alignedTable } from "../bench/table.ts";
import type { TlsVersion } from "../lib/config/tls_versions.ts";
import { type DirectiveName, DIRECTIVES } from "../lib/config/settings.ts";
import { IGNORED } from "../lib/diagnose/config/lines.ts";
import { FACILITIES } from "../lib/log.ts";
import { type HelpedOption, PROGRAM_OPTIONS } from "./program_options.ts";

const INTRODUCTION = `# Options and directives

<!-- Made from the help texts and from lib/config/settings.ts by tools/reference.ts: do not edit. -->

All names at a glance. nrpe(8), nrpe.cfg(5) and check_nrpe(8) in \`deploy/man/\` say what each means,
and [Running the agent](operation.md) when to use it.`;

const DIRECTIVES_TEXT = `## Directives of nrpe.cfg

\`command[NAME]\`, \`include\`, \`include_file\` and \`include_dir\` may be repeated and have no default.`;

/** A text as code in Markdown. */
function code(text: string): string {
  return `\`${text}\``;
}

/** The whole page. */
export function referencePage(): string {
  const programs = PROGRAM_OPTIONS.filter(({ options }) => options.length > 0);
  const sections = programs.map(({ name, options }) =>
    `## ${name.startsWith("-") ? `nrpe ${name}` : name}\n\n${optionTable(options)}`
  );
  return [INTRODUCTION, ...sections, DIRECTIVES_TEXT, directiveTable()].join("\n\n") + "\n";
}

function optionTable(options: readonly HelpedOption[]): string {
  const rows = options.map(({ words, value, description }) => {
    const last = words.at(-1)!;
    const valued = `${last}${last.startsWith("--") ? "=" : " "}${value}`;
    const written = [...words.slice(0, -1), value === undefined ? last : valued].map(code);
    return [written.join(", ").replaceAll("|", "\\|"), description];
  });
  return alignedTable([["option", "meaning"], ...rows]);
}

/** What a mode that does not read a directive is called. */
const MODES = {
  always: "never counts",
  inetd: "not under inetd",
  nowait: "not with nowait",
  daemon: "only with wait",
  plain: "only with TLS",
} as const;

function directiveTable(): string {
  const names = Object.keys(DIRECTIVES) as DirectiveName[];
  const rows = names.sort().map((name) => {
    const modes = (["always", "inetd", "daemon", "nowait", "plain"] as const).find((mode) =>
      IGNORED[mode].includes(name)
    );
    return [code(name), defaultText(name), modes === undefined ? "" : MODES[modes]];
  });
  return alignedTable([["directive", "default", ""], ...rows]);
}

/** The default as nrpe.cfg would have it. */
function defaultText(name: DirectiveName): string {
  const value: unknown = DIRECTIVES[name].byDefault;
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "none";
  if (name === "nasty_metachars") return "see nrpe.cfg(5)";
  if (name === "log_facility") {
    return code(Object.entries(FACILITIES).find(([, number]) => number === value)![0]);
  }
  if (name === "ssl_version") return code(`${(value as { least: TlsVersion }).least}+`);
  if (typeof value === "boolean") return value ? "1" : "0";
  return typeof value === "string" ? code(value) : String(value);
}
