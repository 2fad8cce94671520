import { printable } from "../log.ts";
import { nameOrAddress } from "../wrappers/expand.ts";
import { explainClient, explainDaemon, namesDaemon, needsName } from "../wrappers/explain.ts";
import type { RuleTrial, TableName, Tables } from "../wrappers/find_rule.ts";
import type { FileRead, PatternTrial } from "../wrappers/match_list.ts";
import { parseDaemonPattern } from "../wrappers/pattern.ts";
import { type Host, isKnownName, isUnknown, type Request, UNKNOWN } from "../wrappers/request.ts";
import { twistLine, verdictLine } from "../wrappers/verdict_line.ts";
import type { AccessTrace, TracedEffect } from "./access_trace.ts";
import type { BoundedList } from "./bounded_list.ts";

/** The most steps and warnings of a table that are printed from each end; the rest is counted. */
const MAX_STEPS = 8;
const MAX_WARNINGS = 3;
/** The most patterns of a list that are printed. */
const MAX_PATTERNS = 12;
/** The longest excerpt of a table, in bytes. */
const MAX_EXCERPT = 100;

/**
 * A trace as text: the client, each rule that names the daemon with the reason for each pattern, and
 * the verdict.
 */
export function accessText(trace: AccessTrace, tables: Tables, colour: boolean): string {
  const parts = [heading(trace), tableText(trace, tables, "allow")];
  const deciding = trace.rule?.table ?? trace.refusedAt?.table;
  if (deciding !== "allow") parts.push(tableText(trace, tables, "deny"));
  parts.push(verdictText(trace, colour));
  return parts.join("\n");
}

function heading({ request }: AccessTrace): string {
  const { client, server, user, daemon } = request;
  let text = row("daemon", daemon === "" ? '""' : daemon);
  const { name = UNKNOWN } = server;
  if (!isUnknown(server.address) || (typeof name === "string" && !isUnknown(name))) {
    text += row("server", hostText(server));
  }
  text += row("client", hostText(client));
  return user !== undefined && !isUnknown(user) ? text + row("user", user) : text;
}

function row(label: string, text: string): string {
  return `${label.padEnd(8)} ${printable(text)}\n`;
}

function hostText({ address, name }: Host): string {
  const known = isUnknown(address) ? "address unknown" : `address ${address}`;
  if (name === undefined) return known;
  if (typeof name === "object") return `${known}, name cannot be looked up: ${name.unanswered}`;
  if (isKnownName(name)) return `${known}, name ${name}`;
  return isUnknown(name)
    ? `${known}, name unknown`
    : `${known}, name paranoid (name and address contradict each other)`;
}

function tableText(trace: AccessTrace, tables: Tables, table: TableName): string {
  const { file, steps, otherRules, warnings } = trace.tables[table];
  const blocks = withGap(
    steps,
    MAX_STEPS,
    (step) =>
      step.kind === "skipped"
        ? skippedText(step.first, step.last)
        : ruleText(step.trial, trace.request),
    (count) => `       ... ${count} more, none of which matches\n`,
  );
  if (otherRules > 0) {
    const are = plural(otherRules, "rule is", "rules are");
    blocks.push(`       ${otherRules} ${are} for other daemons\n`);
  }
  blocks.push(...withGap(
    warnings,
    MAX_WARNINGS,
    ({ line, message }) =>
      `       warning: ${printable(line === undefined ? message : `line ${line}: ${message}`)}\n`,
    (count) => `       ... ${count} more warnings\n`,
  ));
  const state = blocks.length > 0 ? "" : EMPTY_TABLE[tables.read(file).kind];
  return `${printable(file)}${state}\n${blocks.join("")}`;
}

/** What follows the name of a table without steps. */
const EMPTY_TABLE: Readonly<Record<FileRead["kind"], string>> = {
  text: " (no rule)",
  missing: " (no such file: it counts as empty)",
  directory: " (a directory: it counts as empty)",
  unreadable: "",
  failed: "",
};

/** The texts of at most `shown` items from each end of a list, and one that counts the others. */
function withGap<Item>(
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
  let text = `${String(trial.line).padStart(5)}${mark}${excerpt(trial.text)}\n`;
  if (!isPlainDaemonList(trial)) {
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
    text += `         the client list is empty: it matches no client\n`;
  }
  return text;
}

/** Whether a daemon list needs no explanation: it names the daemon, or ALL. */
function isPlainDaemonList({ daemons, daemonMatches }: RuleTrial): boolean {
  return daemonMatches && daemons.every(({ pattern, matched, exceptions }) => {
    const { daemon, server } = parseDaemonPattern(pattern);
    return exceptions === 0 && server === undefined &&
      (!matched || daemon.kind === "exact" || daemon.kind === "ALL");
  });
}

function trialsText(
  trials: readonly PatternTrial[],
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
    const shown = excerpt(pattern).padEnd(width);
    rows.push(`         ${"  ".repeat(exceptions)}${except}${shown}  ${answer}\n`);
  }
  const hidden = rows.length - MAX_PATTERNS;
  if (hidden > 1) rows.splice(MAX_PATTERNS - 2, hidden, `         ... ${hidden} more\n`);
  return rows.join("");
}

function excerpt(text: string): string {
  const shown = printable(text.trim().replaceAll("\t", " "));
  return shown.length > MAX_EXCERPT ? `${shown.slice(0, MAX_EXCERPT - 3)}...` : shown;
}

function verdictText(trace: AccessTrace, colour: boolean): string {
  const { verdict, rule, effects, optionError } = trace;
  const word = verdict.toUpperCase();
  const shown = colour ? `\x1b[1;${verdict === "denied" ? 31 : 32}m${word}\x1b[0m` : word;
  let text = `${shown}  ${reasonText(trace)}\n`;
  if (rule !== undefined) text += `         ${excerpt(rule.text)}\n`;
  if (optionError !== undefined) text += `         ${printable(optionError)}\n`;
  for (const effect of effects) text += effectText(effect);
  return `${text}${logText(trace)}${hintText(trace)}`;
}

function reasonText({ rule, refusedAt, optionError }: AccessTrace): string {
  if (refusedAt !== undefined) {
    const line = refusedAt.line === undefined ? "" : ` line ${refusedAt.line}`;
    const what = refusedAt.why === "unreadable" ? "be read" : "be decided";
    return `${
      printable(refusedAt.file)
    }${line} cannot ${what}, so every client that reaches it is denied`;
  }
  if (rule === undefined) return "no rule matches, so the client gets in";
  const place = `${printable(rule.file)} line ${rule.line}`;
  return optionError === undefined ? `by ${place}` : `by ${place}, because of a wrong option`;
}

function effectText({ effect, value }: TracedEffect): string {
  if (effect.option === "allow" || effect.option === "deny") return "";
  const shown = value === undefined ? "" : ` ${printable(value)}`;
  return `         ${effect.option.padEnd(8)}${shown}\n`;
}

/** The line that tcpd logs, at the level that `severity` sets. */
function logText({ request, verdict, effects }: AccessTrace): string {
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

function hintText(trace: AccessTrace): string {
  const hints: string[] = [];
  const { client } = trace.request;
  const { name = UNKNOWN } = client;
  const nameless = typeof name === "string" && isUnknown(name) && !isUnknown(client.address);
  if (trace.verdict === "denied" && nameless && triesNames(trace)) {
    hints.push(
      "Some rules need the client's name, which is not looked up for an address. --lookup does so,",
      "as for a connection.",
    );
  }
  if (typeof name === "string" && !isUnknown(name) && !isKnownName(name)) {
    hints.push(
      `The name of ${
        nameOrAddress(client)
      } does not lead back to it, so no rule by name matches it:`,
      "reverse and forward lookup (DNS, /etc/hosts) must agree.",
    );
  }
  return hints.length === 0 ? "" : `\n${hints.join("\n")}\n`;
}

/** Whether a pattern that only a name can match was tried. */
function triesNames({ tables, optionError }: AccessTrace): boolean {
  if (optionError !== undefined) return false;
  for (const { steps: { first, last } } of [tables.allow, tables.deny]) {
    for (const step of [...first, ...last]) {
      if (step.kind !== "rule") continue;
      for (const { pattern } of step.trial.clients) if (needsName(pattern)) return true;
    }
  }
  return false;
}
