/**
 * Findings about an nrpe.cfg that is checked with the tables.
 */
import { trimBlanks } from "../../bytes.ts";
import type { Config, Finding, Position } from "../../config/config.ts";
import {
  type FindingPlace,
  type LintFinding,
  type Problem,
  problem,
} from "../../wrappers/lint/finding.ts";
import type { FileReader } from "../../wrappers/match_list.ts";

/**
 * The warnings of nrpe.cfg, and that `allowed_hosts`, where it is set, does not count under inetd.
 *
 * @param read Reads the lines that the findings are about.
 */
export function lintConfig(
  config: Config,
  warnings: readonly Finding[],
  read: FileReader,
): readonly LintFinding[] {
  const findings = warnings.map(({ position, message }): LintFinding => ({
    ...problem("nrpe-cfg", { warning: message.replace(positionText(position), "") }),
    file: position.file,
    place: linePlace(position, read),
  }));
  const list = config.positions.get("allowed_hosts");
  if (list === undefined) return findings;
  return [...findings, {
    ...allowedHostsProblem(config.tcp_wrappers),
    file: list.file,
    place: linePlace(list, read),
  }];
}

/**
 * The problem of `allowed_hosts` where inetd starts the agent.
 *
 * @param tables Whether the agent consults the access tables.
 */
export function allowedHostsProblem(tables: boolean): Problem {
  return problem(tables ? "allowed-hosts-inetd/tables" : "allowed-hosts-inetd/no-tables");
}

/** The part of a message that the place of the finding repeats. */
function positionText({ file, line }: Position): string {
  return ` in config file '${file}' - Line ${line}`;
}

/** The line without the blanks around it; undefined if it cannot be read again. */
export function linePlace({ file, line }: Position, read: FileReader): FindingPlace | undefined {
  const content = line === 0 ? undefined : read(file);
  if (content?.kind !== "text") return undefined;
  let lineStart = 0;
  for (let at = 1; at < line; at++) {
    lineStart = content.text.indexOf("\n", lineStart) + 1;
    if (lineStart === 0) return undefined;
  }
  const newline = content.text.indexOf("\n", lineStart);
  const text = content.text.slice(lineStart, newline < 0 ? undefined : newline);
  const directive = trimBlanks(text);
  const column = text.indexOf(directive) + 1;
  return { line, column, length: Math.max(1, directive.length), lineStart };
}
