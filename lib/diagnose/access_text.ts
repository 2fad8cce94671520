import { printable } from "../log.ts";
import { nameOrAddress } from "../wrappers/expand.ts";
import { explainClient, explainDaemon, namesDaemon, wantsName } from "../wrappers/explain.ts";
import type { RuleTrial, TableName, Tables } from "../wrappers/find_rule.ts";
import type { FileRead, Trial } from "../wrappers/match_list.ts";
import { parseDaemonPattern } from "../wrappers/pattern.ts";
import {
  equalIgnoringCase,
  type Host,
  isKnownName,
  type Request,
  UNKNOWN,
} from "../wrappers/request.ts";
import { twistLine, verdictLine } from "../wrappers/verdict_line.ts";
import type { AccessFinding, FoundEffect } from "./access_finding.ts";
import type { BoundedList } from "./bounded_list.ts";

/** How many rules and warnings of a table are shown before and after a gap that only counts them. */
const SHOWN_STEPS = 8;
const SHOWN_WARNINGS = 3;
/** How many patterns of one list are shown. */
const SHOWN_PATTERNS = 12;
/** The longest piece of a table that is quoted, in bytes. */
const LONGEST_QUOTE = 100;

/**
 * A finding as text for a person: who asks, each rule that names the daemon with the reason for each
 * pattern, and the verdict.
 */
export function accessText(finding: AccessFinding, tables: Tables, colour: boolean): string {
  const parts = [heading(finding), tableText(finding, tables, "allow")];
  const deciding = finding.rule?.table ?? finding.refusedAt?.table;
  if (deciding !== "allow") parts.push(tableText(finding, tables, "deny"));
  parts.push(verdictText(finding, colour));
  return parts.join("\n");
}

function heading({ request }: AccessFinding): string {
  const { client, server, user, daemon } = request;
  let text = row("daemon", daemon === "" ? '""' : daemon);
  if (isKnown(server.address) || isKnown(server.name)) {
    text += row("server", hostText(server));
  }
  text += row("client", hostText(client));
  return user !== undefined && isKnown(user) ? text + row("user", user) : text;
}

function row(label: string, text: string): string {
  return `${label.padEnd(8)} ${printable(text)}\n`;
}

function isKnown(text: Host["name"]): boolean {
  return typeof text === "string" && !equalIgnoringCase(text, UNKNOWN);
}

function hostText({ address, name }: Host): string {
  const addressText = isKnown(address) ? `address ${address}` : "address unknown";
  if (name === undefined) return addressText;
  if (typeof name === "object") return `${addressText}, name not to be had: ${name.unanswered}`;
  return isKnownName(name)
    ? `${addressText}, name ${name}`
    : `${addressText}, name ${
      isKnown(name) ? "paranoid (name and address contradict each other)" : "unknown"
    }`;
}

function tableText(finding: AccessFinding, tables: Tables, table: TableName): string {
  const { file, steps, otherRules, warnings } = finding.tables[table];
  const blocks = shortened(
    steps,
    SHOWN_STEPS,
    (step) =>
      step.kind === "skipped"
        ? skippedText(step.first, step.last)
        : ruleText(step.trial, finding.request),
    (count) => `       ... ${count} more, none of which matches\n`,
  );
  if (otherRules > 0) {
    const are = plural(otherRules, "rule is", "rules are");
    blocks.push(`       ${otherRules} ${are} for other daemons\n`);
  }
  blocks.push(...shortened(
    warnings,
    SHOWN_WARNINGS,
    ({ line, message }) =>
      `       warning: ${printable(line === undefined ? message : `line ${line}: ${message}`)}\n`,
    (count) => `       ... ${count} more warnings\n`,
  ));
  const state = blocks.length > 0 ? "" : EMPTY_TABLE[tables.read(file).kind];
  return `${printable(file)}${state}\n${blocks.join("")}`;
}

/** What is said of a table in which there was nothing to see. */
const EMPTY_TABLE: Readonly<Record<FileRead["kind"], string>> = {
  text: " (no rule)",
  missing: " (no such file: it counts as empty)",
  directory: " (a directory: it counts as empty)",
  unreadable: "",
};

/** Texts for the items of a list, with one for the gap where more than `shown` of each end are cut. */
function shortened<Item>(
  { first, omitted, last }: BoundedList<Item>,
  shown: number,
  textOf: (item: Item) => string,
  gapText: (count: number) => string,
): string[] {
  const texts: string[] = [];
  for (const item of first) texts.push(textOf(item));
  for (const item of last) texts.push(textOf(item));
  const cut = Math.max(0, texts.length - 2 * shown);
  if (cut > 1 || omitted > 0) texts.splice(shown, cut, gapText(cut + omitted));
  return texts;
}

function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}

function skippedText(first: number, last: number): string {
  return first === last
    ? `${String(first).padStart(5)}  cannot match\n`
    : `${String(first).padStart(5)}  to ${last}: ${
      last - first + 1
    } lines, none of which can match\n`;
}

function ruleText(trial: RuleTrial, request: Request): string {
  const mark = trial.clientMatches ? "=>" : "  ";
  let text = `${String(trial.line).padStart(5)}${mark}${quote(trial.text)}\n`;
  if (!isPlain(trial)) {
    text += trialsText(
      trial.daemons.filter(({ pattern }) => namesDaemon(pattern, request)),
      (pattern, matched) => explainDaemon(pattern, matched, request),
    );
  }
  text += trialsText(
    trial.clients,
    (pattern, matched) => explainClient(pattern, matched, request),
  );
  if (trial.daemonMatches && trial.clients.length === 0) {
    text += `         the client list is empty: it matches nobody\n`;
  }
  return text;
}

/** Whether the daemon list says nothing that needs a word: it just names the daemon, or all. */
function isPlain({ daemons, daemonMatches }: RuleTrial): boolean {
  return daemonMatches && daemons.every(({ pattern, matched, exceptions }) => {
    const { daemon, server } = parseDaemonPattern(pattern);
    return exceptions === 0 && server === undefined &&
      (!matched || daemon.kind === "exact" || daemon.kind === "ALL");
  });
}

function trialsText(
  trials: readonly Trial[],
  explain: (pattern: string, matched: boolean) => string,
): string {
  let width = 0;
  for (const { pattern } of trials) width = Math.min(24, Math.max(width, pattern.length));
  const rows: string[] = [];
  let before = 0;
  for (const { pattern, matched, exceptions } of trials) {
    const except = exceptions > before ? "EXCEPT " : "";
    before = exceptions;
    const answer = `${matched ? "yes" : "no "}  ${printable(explain(pattern, matched))}`;
    const shown = quote(pattern).padEnd(width);
    rows.push(`         ${"  ".repeat(exceptions)}${except}${shown}  ${answer}\n`);
  }
  const hidden = rows.length - SHOWN_PATTERNS;
  if (hidden > 1) rows.splice(SHOWN_PATTERNS - 2, hidden, `         ... ${hidden} more\n`);
  return rows.join("");
}

function quote(text: string): string {
  const shown = printable(text.trim().replaceAll("\t", " "));
  return shown.length > LONGEST_QUOTE ? `${shown.slice(0, LONGEST_QUOTE - 3)}...` : shown;
}

function verdictText(finding: AccessFinding, colour: boolean): string {
  const { verdict, rule, effects, optionError } = finding;
  const word = verdict.toUpperCase();
  const shown = colour ? `\x1b[1;${verdict === "denied" ? 31 : 32}m${word}\x1b[0m` : word;
  let text = `${shown}  ${reasonText(finding)}\n`;
  if (rule !== undefined) text += `         ${quote(rule.text)}\n`;
  if (optionError !== undefined) text += `         ${printable(optionError)}\n`;
  for (const effect of effects) text += effectText(effect);
  return `${text}${logText(finding)}${hintText(finding)}`;
}

function reasonText({ rule, refusedAt, optionError }: AccessFinding): string {
  if (refusedAt !== undefined) {
    const line = refusedAt.line === undefined ? "" : ` line ${refusedAt.line}`;
    const what = refusedAt.why === "unreadable" ? "be read" : "be decided";
    return `${printable(refusedAt.file)}${line} cannot ${what}, so nobody who comes to it gets in`;
  }
  if (rule === undefined) return "no rule matches, and then everyone gets in";
  const place = `${printable(rule.file)} line ${rule.line}`;
  return optionError === undefined ? `by ${place}` : `by ${place}, because of a wrong option`;
}

function effectText({ effect, value }: FoundEffect): string {
  if (effect.option === "allow" || effect.option === "deny") return "";
  const shown = value === undefined ? "" : ` ${printable(value)}`;
  return `         ${effect.option.padEnd(8)}${shown}\n`;
}

/** The log line, as tcpd would write it, at the level that `severity` may have changed. */
function logText({ request, verdict, effects }: AccessFinding): string {
  let severity: string | undefined;
  let command = "";
  for (const { effect, value } of effects) {
    if (effect.option === "severity") severity = value;
    if (effect.option === "twist") command = effect.command;
  }
  const { level, text } = verdict === "delegated"
    ? twistLine(command, request)
    : verdictLine(verdict, request);
  return `         log      ${severity ?? level}: ${printable(text)}\n`;
}

function hintText(finding: AccessFinding): string {
  const hints: string[] = [];
  const { client } = finding.request;
  const { name = UNKNOWN } = client;
  const nameless = typeof name === "string" && !isKnown(name) && isKnown(client.address);
  if (finding.verdict === "denied" && nameless && triesNames(finding)) {
    hints.push(
      "Some rules ask for a name, and an address alone has none here. --lookup finds the name as",
      "a real connection would.",
    );
  }
  if (!isKnownName(name) && isKnown(name)) {
    hints.push(
      `The name of ${nameOrAddress(client)} does not lead back to it, so no rule by name fits it;`,
      "reverse and forward lookup (DNS, /etc/hosts) must agree.",
    );
  }
  return hints.length === 0 ? "" : `\n${hints.join("\n")}\n`;
}

/** Whether a pattern that only a name can match was tried for want of one. */
function triesNames({ tables, optionError }: AccessFinding): boolean {
  if (optionError !== undefined) return false;
  for (const { steps: { first, last } } of [tables.allow, tables.deny]) {
    for (const step of [...first, ...last]) {
      if (step.kind !== "rule") continue;
      for (const { pattern } of step.trial.clients) if (wantsName(pattern)) return true;
    }
  }
  return false;
}
