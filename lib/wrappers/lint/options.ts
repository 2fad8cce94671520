/**
 * Checks of a rule's options: mistakes, which deny, and options with surprising effects.
 */
import { nearest } from "../../nearest.ts";
import type { TableName } from "../find_rule.ts";
import { type Effect, fieldAt, OPTION_NAMES, type OptionError, readOption } from "../option.ts";
import { answerKey, type Fact, type Request, UNKNOWN } from "../request.ts";
import { about, type Report, type ReportAt } from "./finding.ts";
import type { HostQueries } from "./host_queries.ts";

/** What a rule does with a client that it matches. */
export type RuleOutcome = "grants" | "denies" | "delegates" | "searches on";

/** What the options of a rule come to. */
export interface RuleEffect {
  readonly outcome: RuleOutcome;
  /** Whether the rule does something besides granting or denying: a command, a log level. */
  readonly doesMore: boolean;
}

/** What the checks of options depend on. */
interface OptionContext {
  readonly table: TableName;
  /** Whether the rule names this agent. */
  readonly forAgent: boolean;
  readonly host: Pick<HostQueries, "ask" | "directoryExists">;
}

/** A request in which nothing but accounts is looked up. */
export const UNKNOWN_CLIENT: Request = {
  daemon: "nrpe",
  client: { address: UNKNOWN, name: UNKNOWN },
  server: { address: UNKNOWN, name: UNKNOWN },
  user: UNKNOWN,
  answers: new Map(),
  pid: 0,
  resident: false,
};

/**
 * Checks the options of a rule up to the first that is wrong: the others are never read.
 *
 * @param options The text after the rule's second colon, or undefined.
 * @param start Where it begins in the line.
 */
export function lintOptions(
  options: string | undefined,
  start: number,
  context: OptionContext,
  report: ReportAt,
): RuleEffect {
  let outcome: RuleOutcome = context.table === "allow" ? "grants" : "denies";
  let doesMore = false;
  if (options === undefined) return { outcome, doesMore };
  let request = UNKNOWN_CLIENT;
  let before: Effect | undefined;
  for (let at = 0;;) {
    const step = readOption(options, at, request);
    if (step.kind === "needs") {
      request = answered(step.fact, request, context);
      continue;
    }
    if (step.kind === "end") return { outcome, doesMore };
    const written = writtenOption(options, at);
    const say = about({ text: written.raw, at: start + written.at }, report);
    if (step.kind === "error") {
      const commented = /[ \t]#/.test(options.slice(0, at));
      if (commented) say("comment-behind-rule/option");
      else lintError(step, written, before, context.table, say);
      return { outcome: "denies", doesMore };
    }
    const { effect } = step;
    const vague = SHELL_OPTIONS.includes(effect.option)
      ? /<[A-Za-z][\w .-]{0,40}>/.exec(written.raw)?.[0]
      : undefined;
    if (vague !== undefined) {
      const offset = written.raw.indexOf(vague);
      about({ text: vague, at: start + written.at + offset }, report)("placeholder/command");
    }
    for (const problem of step.warnings) say("unknown-expansion", { problem });
    lintEffect(effect, context, say);
    if (effect.option === "allow") return { outcome: "grants", doesMore };
    if (effect.option === "deny") return { outcome: "denies", doesMore };
    doesMore = true;
    if (effect.option === "twist") return { outcome: "delegates", doesMore };
    if (effect.option === "aclexec") outcome = "searches on";
    before = effect;
    at = step.next;
  }
}

function answered(fact: Fact, request: Request, { host }: OptionContext): Request {
  switch (fact.kind) {
    case "user account":
    case "group account":
    case "netgroup": {
      const answers = new Map(request.answers).set(answerKey(fact), host.ask(fact));
      return { ...request, answers };
    }
    default:
      throw new Error(`the ${fact.kind} of an unknown client is not asked for`);
  }
}

/** An option as it is written. */
interface WrittenOption {
  /** With each `\:` replaced by a colon. */
  readonly text: string;
  readonly raw: string;
  /** The offset of `raw` in the options. */
  readonly at: number;
  /** The options after it. */
  readonly rest: string;
}

function writtenOption(options: string, start: number): WrittenOption {
  const { text = "", next = options.length + 1 } = fieldAt(options, start) ?? {};
  const rest = options.slice(next);
  const field = options.slice(start, next - 1);
  const raw = field.trim();
  // An empty option has no place but the colon before it.
  if (raw === "") return { text: "", raw: ":", at: start - 1, rest };
  return { text: text.trim(), raw, at: start + field.indexOf(raw), rest };
}

function lintError(
  error: OptionError,
  written: WrittenOption,
  before: Effect | undefined,
  table: TableName,
  report: Report,
): void {
  const name = /^[^ \t=]*/.exec(written.text)![0];
  switch (error.problem) {
    case "no name":
      return report("empty-option");
    case "unknown name":
      return lintUnknown(name, written.raw, before, table, report);
    case "not last": {
      const next = /^[ \t]*([^ \t=:]*)/.exec(written.rest)![1]!;
      return name.toLowerCase() === "twist" && !isOption(next)
        ? report("unescaped-colon")
        : report("option-not-last", { name });
    }
    case "value not wanted":
      return /[ \t]#/.test(written.text)
        ? report("comment-behind-rule/option")
        : report("option-takes-no-value", { name });
    case "value missing":
      return report("option-needs-value", { name });
    case "bad value":
      return report("bad-option-value", { problem: error.message });
  }
}

function isOption(name: string): boolean {
  return OPTION_NAMES.includes(name.toLowerCase());
}

/** Options whose value is for a shell. */
const SHELL_OPTIONS: readonly Effect["option"][] = ["spawn", "twist", "aclexec"];

/** Options whose value is free text, in which a colon may be a mistake. */
const FREE_TEXT: readonly Effect["option"][] = ["spawn", "twist", "aclexec", "setenv", "banners"];

/** The verdicts of other languages. */
const VERDICTS: Readonly<Record<string, string>> = {
  accept: "allow",
  allowed: "allow",
  grant: "allow",
  pass: "allow",
  permit: "allow",
  yes: "allow",
  block: "deny",
  denied: "deny",
  drop: "deny",
  no: "deny",
  refuse: "deny",
  reject: "deny",
};

function lintUnknown(
  name: string,
  text: string,
  before: Effect | undefined,
  table: TableName,
  report: Report,
): void {
  if (name.startsWith("#")) return report("comment-behind-rule/option");
  const meant = VERDICTS[name.toLowerCase()] ?? nearest(name, OPTION_NAMES);
  if (meant === undefined && before !== undefined && FREE_TEXT.includes(before.option)) {
    report("unescaped-colon");
  } else if (/^[(/]|^[A-Za-z_]+=.*\//.test(text)) {
    report(`shell-command/${table}`, { command: text });
  } else if (/^[a-z]+,/i.test(name) && isOption(name.slice(0, name.indexOf(",")))) {
    report("unknown-option/comma", { name });
  } else if (meant === undefined) {
    report("unknown-option/other", { name, options: OPTION_NAMES.join(" ") });
  } else report("unknown-option/meant", { name, meant });
}

function lintEffect(
  effect: Effect,
  { table, forAgent, host }: OptionContext,
  report: Report,
): void {
  switch (effect.option) {
    case "aclexec":
      if (table === "deny") report("aclexec-grants");
      break;
    case "twist":
      if (forAgent) report("twist-in-resident-daemon");
      break;
    case "user":
    case "group":
      report("user-option", { option: effect.option });
      break;
    case "banners":
      if (!host.directoryExists(effect.directory)) {
        report("missing-directory", { directory: effect.directory });
      }
      if (forAgent) report("banner-breaks-nrpe");
      break;
    case "rfc931":
      report("user-lookup");
  }
}
