/**
 * Checks of a rule's options: the mistakes that deny, and what surprises without being one.
 */
import { nearest } from "../../nearest.ts";
import { type Complaint, complaint, type Report } from "./finding.ts";
import { type Effect, fieldAt, OPTION_NAMES, type OptionError, readOption } from "../option.ts";
import { answerKey, type Fact, type Question, type Request, UNKNOWN } from "../request.ts";
import type { TableName } from "../find_rule.ts";

/** What a rule does with whom it matches. */
export type Outcome = "grants" | "denies" | "delegates" | "searches on";

/** What the checks of options have to know. */
export interface OptionSurroundings {
  readonly table: TableName;
  /** Whether the rule is for this agent, be it among others. */
  readonly forAgent: boolean;
  /** Whether a user or group of that name exists. */
  readonly ask: (question: Question) => boolean;
  readonly directoryExists: (path: string) => boolean;
}

/** A request of which all is known, and nothing is true. */
export const NOBODY: Request = {
  daemon: "nrpe",
  client: { address: UNKNOWN, name: UNKNOWN },
  server: { address: UNKNOWN, name: UNKNOWN },
  user: UNKNOWN,
  answers: new Map(),
  pid: 0,
  resident: false,
};

/**
 * Checks the options of a rule, up to the first that is wrong: what follows it is never read.
 *
 * @param options The text after the rule's second colon, or undefined.
 * @param start Where it begins in the line.
 */
export function lintOptions(
  options: string | undefined,
  start: number,
  surroundings: OptionSurroundings,
  report: Report,
): Outcome {
  const plain = surroundings.table === "allow" ? "grants" : "denies";
  if (options === undefined) return plain;
  let outcome: Outcome = plain;
  let request = NOBODY;
  let before: Effect | undefined;
  for (let at = 0;;) {
    const step = readOption(options, at, request);
    if (step.kind === "needs") {
      request = answered(step.fact, request, surroundings);
      continue;
    }
    if (step.kind === "end") return outcome;
    const field = placeOf(options, at);
    if (step.kind === "error") {
      const found = explainError(step, field.text, before, options.slice(field.next), surroundings);
      report(found, start + field.at, field.length);
      return "denies";
    }
    const { effect } = step;
    for (const warning of step.warnings) {
      report(
        complaint(
          "warning",
          "unknown-expansion",
          `${warning}: it expands to nothing`,
          "write %% for a percent sign",
        ),
        start + field.at,
        field.length,
      );
    }
    for (const found of lintEffect(effect, surroundings)) {
      report(found, start + field.at, field.length);
    }
    if (effect.option === "aclexec") outcome = "searches on";
    if (effect.option === "allow") return "grants";
    if (effect.option === "deny") return "denies";
    if (effect.option === "twist") return "delegates";
    before = effect;
    at = step.next;
  }
}

function answered(fact: Fact, request: Request, { ask }: OptionSurroundings): Request {
  switch (fact.kind) {
    case "user account":
    case "group account":
    case "netgroup": {
      const answers = new Map(request.answers).set(answerKey(fact), ask(fact));
      return { ...request, answers };
    }
    default:
      throw new Error(`Nobody's ${fact.kind} is known from the start`);
  }
}

interface Field {
  readonly text: string;
  /** Its offset in the options, and its length there. */
  readonly at: number;
  readonly length: number;
  readonly next: number;
}

function placeOf(options: string, start: number): Field {
  const { text = "", next = options.length + 1 } = fieldAt(options, start) ?? {};
  const raw = options.slice(start, next - 1);
  const trimmed = raw.trim();
  // An empty option is pointed at by the colon before it.
  if (trimmed === "") return { text: "", at: start - 1, length: 1, next };
  return { text: text.trim(), at: start + raw.indexOf(trimmed), length: trimmed.length, next };
}

/** Options whose values are free text, in which a colon is easily forgotten. */
const FREE_TEXT: readonly Effect["option"][] = ["spawn", "twist", "aclexec", "setenv", "banners"];

function explainError(
  error: OptionError,
  text: string,
  before: Effect | undefined,
  rest: string,
  { table }: OptionSurroundings,
): Complaint {
  const name = /^[^ \t=]*/.exec(text)![0];
  switch (error.problem) {
    case "no name":
      return complaint(
        "error",
        "empty-option",
        "nothing stands behind this colon, and an empty option denies",
        "take the colon away",
      );
    case "unknown name":
      return unknownOption(name, text, before, table);
    case "not last": {
      const next = /^[ \t]*([^ \t=:]*)/.exec(rest)![1]!;
      if (name.toLowerCase() === "twist" && !isOption(next)) return UNESCAPED_COLON;
      return complaint(
        "error",
        "option-not-last",
        `${name} must be the last option; here it denies instead`,
        `move ${name} to the end`,
      );
    }
    case "value not wanted":
      if (/[ \t]#/.test(text)) return COMMENT_IN_OPTION;
      return complaint(
        "error",
        "option-takes-no-value",
        `${name} takes no value; with one the rule denies`,
        `write ${name} alone`,
      );
    case "value missing":
      return complaint(
        "error",
        "option-needs-value",
        `${name} needs a value; without one the rule denies`,
      );
    case "bad value":
      return complaint("error", "bad-option-value", `${error.message}, so the rule denies`);
  }
}

const UNESCAPED_COLON = complaint(
  "error",
  "unescaped-colon",
  "a colon ends the option, and what follows it is no option, so the rule denies",
  "write \\: for a colon in a value",
);

const COMMENT_IN_OPTION = complaint(
  "error",
  "comment-behind-rule",
  "there are no comments behind a rule: this is read as part of the option, so the rule denies",
  "put the comment on a line of its own, # first",
);

function isOption(name: string): boolean {
  return OPTION_NAMES.includes(name.toLowerCase());
}

/** Verdicts as other languages call them. */
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

function unknownOption(
  name: string,
  text: string,
  before: Effect | undefined,
  table: TableName,
): Complaint {
  if (name.startsWith("#")) return COMMENT_IN_OPTION;
  const meant = VERDICTS[name.toLowerCase()] ?? nearest(name, OPTION_NAMES);
  if (meant === undefined && before !== undefined && FREE_TEXT.includes(before.option)) {
    return UNESCAPED_COLON;
  }
  if (/^[(/]|^[A-Za-z_]+=.*\//.test(text)) {
    return complaint(
      table === "allow" ? "error" : "warning",
      "shell-command",
      "a command alone is no option of this dialect: it is not run, and the rule denies",
      `write spawn ${text.length > 40 ? "before it" : text}`,
    );
  }
  if (/^[a-z]+,/i.test(name) && isOption(name.slice(0, name.indexOf(",")))) {
    return complaint(
      "error",
      "unknown-option",
      `${name} is no option, so the rule denies`,
      "separate options by colons",
    );
  }
  return complaint(
    "error",
    "unknown-option",
    `${name} is no option, so the rule denies whoever it matches`,
    meant === undefined ? `the options are ${OPTION_NAMES.join(" ")}` : `write ${meant}`,
  );
}

function lintEffect(
  effect: Effect,
  { table, forAgent, directoryExists }: OptionSurroundings,
): readonly Complaint[] {
  switch (effect.option) {
    case "aclexec":
      return table === "allow" ? [] : [complaint(
        "warning",
        "aclexec-grants",
        "in hosts.deny a command that fails grants, and the rules behind are not tried",
        "put the rule into hosts.allow and deny in hosts.deny",
      )];
    case "twist":
      return forAgent
        ? [complaint(
          "hint",
          "twist-in-resident-daemon",
          "twist works under inetd nowait only: an agent that serves more than one connection " +
            "refuses the client instead",
        )]
        : [];
    case "user":
    case "group":
      return [complaint(
        "hint",
        "user-option",
        `Debian's tcpd ignores ${effect.option}; this agent obeys it, and refuses the client ` +
          "where it may not change its user",
      )];
    case "banners":
      return lintBanners(effect.directory, forAgent, directoryExists);
    case "rfc931":
      return [userLookup()];
    default:
      return [];
  }
}

function lintBanners(
  directory: string,
  forAgent: boolean,
  directoryExists: (path: string) => boolean,
): readonly Complaint[] {
  const found: Complaint[] = [];
  if (!directoryExists(directory)) {
    found.push(complaint(
      "warning",
      "missing-directory",
      `there is no directory ${directory}, so no banner is sent`,
    ));
  }
  if (forAgent) {
    found.push(complaint(
      "warning",
      "banner-breaks-nrpe",
      "check_nrpe takes a banner for a broken answer",
      "leave nrpe out of the rule",
    ));
  }
  return found;
}

/** The hint about patterns and options that ask the client's host for its user. */
export function userLookup(): Complaint {
  return complaint(
    "hint",
    "user-lookup",
    `the user is asked of the client's own host (RFC 1413): that takes up to 10 seconds, and is ${UNKNOWN} where nobody answers`,
    "leave the user out",
  );
}
