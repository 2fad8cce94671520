/** A report as text and as JSON. */
import { jsonLine } from "../../json_line.ts";
import { printable } from "../../log.ts";
import type { FileReader } from "../../wrappers/match_list.ts";
import { findingJson } from "../lint/json.ts";
import { findingText } from "../lint/text.ts";
import type { CertificateReport, CommandReport, ConfigFinding, ConfigReport } from "./report.ts";

/** The most findings of one code in one file that are printed as text; the rest is counted. */
const MOST_PER_CODE = 20;
/** The most commands that are printed as text. */
const MOST_COMMANDS = 500;

/** The findings as a compiler prints them, then the user, the commands and the certificates. */
export function configText(report: ConfigReport, read: FileReader, colour: boolean): string {
  const { file, config, user, findings, commands, certificates } = report;
  const parts = findingTexts(findings, read, colour);
  if (config !== undefined) {
    const who = user === undefined
      ? "not known"
      : `${user.name} (user ${user.uid}, group ${user.gid}), by ${user.from}`;
    const rows = [`user         ${printable(who)}\n`];
    for (const each of certificates) rows.push(certificateText(each));
    for (const command of commands.slice(0, MOST_COMMANDS)) rows.push(commandText(command));
    const more = commands.length - MOST_COMMANDS;
    if (more > 0) rows.push(`command      ... ${more} more\n`);
    parts.push(rows.join(""));
  }
  parts.push(`${counts(findings)} in ${printable(file)}\n`);
  return parts.join("\n");
}

function findingTexts(
  findings: readonly ConfigFinding[],
  read: FileReader,
  colour: boolean,
): string[] {
  const parts: string[] = [];
  const shown = new Map<string, { readonly finding: ConfigFinding; count: number }>();
  for (const finding of findings) {
    const kind = `${finding.code}\0${finding.file}`;
    const entry = shown.get(kind) ?? { finding, count: 0 };
    shown.set(kind, entry);
    if (++entry.count <= MOST_PER_CODE) parts.push(findingText(finding, read, colour));
  }
  for (const { finding: { file, code }, count } of shown.values()) {
    const more = count - MOST_PER_CODE;
    if (more > 0) {
      parts.push(`${printable(file)}: ${more} more of [${code}] (--json prints each)\n`);
    }
  }
  return parts;
}

function certificateText(report: CertificateReport): string {
  const { file, directive, subject, validTo, daysLeft } = report;
  const kind = directive === "ssl_crl_file" ? "CRL          " : "certificate  ";
  const left = daysLeft < 0 ? `expired ${-daysLeft} days ago` : `${daysLeft} days left`;
  return printable(`${kind}${file}: ${subject}, until ${validTo.slice(0, 10)}, ${left}`) +
    "\n";
}

function commandText({ name, shell, programs }: CommandReport): string {
  const bad = programs.find(({ problem }) => problem !== undefined);
  const files = programs.map(({ file }) => file).join(", ");
  const open = shell ? "what the shell makes of it" : "what the client's arguments make of it";
  const what = files === "" ? open : files;
  const how = shell && files !== "" ? " (through /bin/sh)" : "";
  const state = bad === undefined ? "" : ": cannot run";
  return printable(`command      ${name}: ${what}${how}${state}`) + "\n";
}

function counts(findings: readonly ConfigFinding[]): string {
  const parts = (["error", "warning", "hint"] as const).flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? "" : "s"}`];
  });
  return parts.join(", ") || "No findings";
}

/** An object a line: each finding, the agent's user, each certificate, each command. */
export function configJson({ user, findings, commands, certificates }: ConfigReport): string {
  return [
    ...findings.map(findingJson),
    jsonLine({ agent: user ?? null }),
    ...certificates.map(({ file, ...rest }) => jsonLine({ certificate: file, ...rest })),
    ...commands.map(({ name, position, line, mode, shell, programs }) =>
      jsonLine({
        command: name,
        file: position.file,
        line: position.line,
        definition: line,
        argument_mode: mode,
        shell,
        programs: programs.map(({ file, problem }) => ({ file, problem: problem ?? null })),
      })
    ),
  ].join("");
}
