import { nearest } from "../nearest.ts";
import { splitCommands } from "./argument_mode.ts";
import type { Config, ConfigResult, Finding } from "./config.ts";
import {
  type ConfigFiles,
  doubt,
  type Draft,
  finish,
  MOST_REPEATS,
  MOST_WARNINGS,
  newDraft,
  shortened,
} from "./draft.ts";
import { checkSubjects, labelOf, readFirst } from "./read_config.ts";

/**
 * Reads an nrpe.cfg with its includes.
 *
 * The rules are the C agent's, as observed: the last of repeated directives counts, an unknown one and
 * a missing include are warnings, and a value out of range is an error. Unlike there, an include that
 * exists and cannot be read is an error, since what it forbids would be allowed.
 *
 * @param current The configuration that this one replaces. A directory of it that cannot be read now is
 * an error.
 */
export function loadConfig(path: string, files: ConfigFiles, current?: Config): ConfigResult {
  const draft = newDraft(files, current, undefined);
  readFirst(draft, path);
  if (draft.settings.ssl_allowed_subjects !== undefined) checkSubjects(draft);
  warnOfUndefinedCommands(draft);
  splitCommands(draft, draft.commands);
  const config = { ...finish(draft, draft.commands), commands: draft.commands };
  const warnings = warningsOf(draft, path);
  return draft.errors.length === 0
    ? { kind: "config", config, findings: warnings }
    : { kind: "failure", findings: [...errorsOf(draft), ...warnings], log: config };
}

/** What is said about a command that no file defines restricts nothing; often its name is mistyped. */
function warnOfUndefinedCommands(draft: Draft): void {
  for (const [command, { positions }] of draft.commandSettings) {
    if (draft.commands.has(command)) continue;
    // Many would take long, and are only counted.
    const known = draft.warnings.length < MOST_WARNINGS
      ? nearest(command, [...draft.commands.keys()])
      : undefined;
    const guess = known === undefined ? "" : ` (did you mean ${known}?)`;
    for (const [name, position] of positions) {
      const about = `command[${shortened(command)}] is not defined${guess}`;
      doubt(draft, "undefined-command", position, labelOf(name, command), about);
    }
  }
}

function errorsOf({ errors, repeats }: Draft): readonly Finding[] {
  const findings = [...errors];
  for (const { count, last } of repeats.values()) {
    if (count <= MOST_REPEATS) continue;
    const more = `${count - MOST_REPEATS - 1} more like it before this line`;
    findings.push({ ...last, message: `${last.message} (and ${more})` });
  }
  return findings;
}

function warningsOf({ warnings, suppressed }: Draft, path: string): readonly Finding[] {
  if (suppressed === 0) return warnings;
  const position = { file: path, line: 0 };
  const message = `${suppressed} more warnings about config file '${path}' are not shown`;
  return [...warnings, { severity: "warning", code: "more-warnings", position, message }];
}
