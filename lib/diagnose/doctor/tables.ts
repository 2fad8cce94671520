/** Stations: hosts.allow and hosts.deny, and what they say about the clients that can be named. */
import { printable } from "../../log.ts";
import { nearest } from "../../nearest.ts";
import type { Tables } from "../../wrappers/find_rule.ts";
import type { LintFinding } from "../../wrappers/lint/finding.ts";
import { matchesText, parseClientPattern, parseDaemonPattern } from "../../wrappers/pattern.ts";
import { UNKNOWN } from "../../wrappers/request.ts";
import { lineAt, listWords, parseRule, type Rule, TABLE_START } from "../../wrappers/table.ts";
import { type AccessTrace, traceAccess } from "../access_trace.ts";
import { findInTables } from "../lint/check_tables.ts";
import { checkName } from "../lint/names.ts";
import { type DoctorFinding, hint, lineOf, ok, problem, type Status, warning } from "./finding.ts";
import { statusOf } from "../../system/path_status.ts";
import { type User } from "../lint/file_mode.ts";
import { accessProblem, Permission } from "./user_access.ts";

/** What the tables are asked about. */
export interface TablesQuestion {
  readonly tables: Tables;
  /** The agent's name in the tables. */
  readonly daemon: string;
  /** The names that the file and its starters have, which a rule may have by mistake. */
  readonly otherNames: readonly string[];
  /** The users that the agent runs as. */
  readonly users: readonly User[];
  /** Addresses of `allowed_hosts`, with where it is written. */
  readonly allowedHosts: readonly string[];
  readonly allowedHostsPlace: string | undefined;
  /** Clients of the log that were refused, with the line; and those that were let in. */
  readonly refused: ReadonlyMap<string, string>;
  readonly admitted: ReadonlySet<string>;
}

type ParsedRule = Rule & { readonly kind: "rule" };

interface TableRule {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly rule: ParsedRule;
}

const LOOPBACK = "127.0.0.1";
/** Addresses for documentation, RFC 5737, which stand for any client. */
const ANYONE: readonly string[] = ["203.0.113.77", "198.51.100.77"];
/** An address for the monitoring server where none is known. */
const EXAMPLE = "192.0.2.10";
/** How many clients are asked about. */
const MOST_CLIENTS = 64;

/** Checks the tables; `loopback` is what they say about this host itself. */
export async function checkTables(
  question: TablesQuestion,
): Promise<{ readonly findings: readonly DoctorFinding[]; readonly loopback: AccessTrace }> {
  const { tables } = question;
  const allow = rulesOf(tables.allow, tables);
  const deny = rulesOf(tables.deny, tables);
  const unreadable = checkReadable(question);
  const findings = [
    ...unreadable,
    ...lintFindings(question, [...allow, ...deny]),
    ...checkDaemonNames(question, allow, deny),
    ...await checkClients(question, allow, deny),
  ];
  const loopback = await trace(question, LOOPBACK);
  if (findings.every(({ status }) => status === "ok" || status === "hint")) {
    const seen = `${tables.allow} (${allow.length} rules), ${tables.deny} (${deny.length} rules)`;
    findings.push(ok("tables", "the access tables are in order", { evidence: seen }));
  }
  return { findings, loopback };
}

function rulesOf(file: string, tables: Tables): readonly TableRule[] {
  const content = tables.read(file);
  if (content.kind !== "text") return [];
  const rules: TableRule[] = [];
  for (let place = TABLE_START;;) {
    const line = lineAt(content.text, place);
    if (line.kind !== "line") return rules;
    const rule = parseRule(line.text);
    if (rule.kind === "rule") rules.push({ file, line: line.line, text: line.text, rule });
    place = line.next;
  }
}

function trace({ tables, daemon }: TablesQuestion, address: string): Promise<AccessTrace> {
  // The name is looked up where a rule asks for it, as in enforcement.
  return traceAccess(
    tables,
    {
      daemon,
      client: { address, name: address === LOOPBACK ? undefined : UNKNOWN },
      server: { address: UNKNOWN, name: UNKNOWN },
      user: UNKNOWN,
      answers: new Map(),
      pid: undefined,
      resident: false,
    },
    false,
    [],
  );
}

/** What decided, as evidence. */
export function decidedBy({ rule, refusedAt }: AccessTrace): string {
  if (rule !== undefined) return lineOf(rule.file, rule.line, rule.text);
  if (refusedAt === undefined) return "no rule matches";
  const { file, line, why } = refusedAt;
  return `${file}${line === undefined ? "" : `:${line}`}: ${why}`;
}

/** Whether each user may read the tables. */
function checkReadable({ tables, users }: TablesQuestion): readonly DoctorFinding[] {
  return [tables.allow, tables.deny].flatMap((path) => {
    if (statusOf(path) === undefined) return [];
    for (const user of users) {
      const denied = accessProblem(path, user, Permission.read);
      if (denied === undefined) continue;
      const effect = path === tables.allow ? "it grants nobody" : "it refuses every client";
      const fix = denied.isOnWay
        ? `chmod a+x ${denied.path}`
        : denied.seen.includes("ACL")
        ? `setfacl -b ${path} && chmod 644 ${path}`
        : `chmod 644 ${path}`;
      return [problem("table-unreadable", `${user.name} may not read ${path}, so ${effect}`, {
        evidence: `${denied.path}: ${denied.seen}`,
        fix,
      })];
    }
    return [];
  });
}

/** Codes that the stations below find out themselves, and more. */
const OWN_CODES = /^(unreadable-for-agent|not-readable-by-all|unknown-daemon|nothing-denies)/;
const STATUS: Readonly<Record<LintFinding["severity"], Status>> = {
  error: "problem",
  warning: "warning",
  hint: "hint",
};

function lintFindings(
  { tables, daemon }: TablesQuestion,
  rules: readonly TableRule[],
): readonly DoctorFinding[] {
  const report = findInTables(tables, {
    daemon,
    lookup: false,
    named: [],
    config: undefined,
  });
  const others: LintFinding[] = [];
  const found: DoctorFinding[] = [];
  for (const finding of report.findings) {
    if (OWN_CODES.test(finding.code)) continue;
    const { file, place, severity, message, code } = finding;
    const rule = place === undefined
      ? undefined
      : rules.find((rule) => rule.file === file && rule.line >= place.line);
    if (rule !== undefined && rule.line === place?.line && !names(rule, daemon)) {
      others.push(finding);
      continue;
    }
    const content = tables.read(file);
    const text = place === undefined || content.kind !== "text"
      ? ""
      : content.text.slice(place.lineStart).split("\n", 1)[0]!;
    found.push({
      status: STATUS[severity],
      code,
      message,
      evidence: place === undefined ? file : lineOf(file, place.line, text),
      fix: fixOf(finding, text),
    });
  }
  const [first] = others;
  if (first !== undefined) {
    const message = `${others.length} findings about rules for other daemons`;
    const evidence = `${first.file}:${first.place?.line ?? 0}: ${first.message}`;
    found.push(hint("other-daemons", message, { evidence, fix: "nrpe --check-access" }));
  }
  return found;
}

/** A suggestion as a line to copy: a command, or the line of the table as it should be. */
function fixOf({ code, file, place, suggestion }: LintFinding, text: string): string | null {
  if (code === "no-newline-at-end") return `echo >> ${file}`;
  if (code === "carriage-return" || suggestion === "save the file with plain newlines") {
    return `sed -i 's/\\r$//' ${file}`;
  }
  if (code === "table-is-directory") return `mv ${file} ${file}.directory`;
  if (code === "missing-colon") return suggestion?.replace(/^write (?=[\w.-]+: )/, "") ?? null;
  if (suggestion === undefined || place === undefined) return suggestion ?? null;
  const word = /^(?:write|use|is) "?([^\s",]+)"?(?: (?:for|meant)|,|$)/.exec(suggestion)?.[1];
  if (word === undefined) return suggestion;
  const at = place.column - 1;
  return (text.slice(0, at) + word + text.slice(at + place.length)).trim();
}

function names({ rule }: TableRule, daemon: string): boolean {
  return listWords(rule.daemons).some((word) => {
    const pattern = parseDaemonPattern(word).daemon;
    return pattern.kind === "port" || matchesText(pattern, daemon);
  });
}

/** Rules for a daemon whose name is not the agent's but looks like it. */
function checkDaemonNames(
  { daemon, otherNames }: TablesQuestion,
  allow: readonly TableRule[],
  deny: readonly TableRule[],
): readonly DoctorFinding[] {
  const isNamed = (rules: readonly TableRule[]) =>
    rules.some(({ rule }) =>
      listWords(rule.daemons).some((word) => {
        const pattern = parseDaemonPattern(word).daemon;
        return pattern.kind === "exact" && matchesText(pattern, daemon);
      })
    );
  const candidates = [daemon, "nrpe", "check_nrpe", "nagios-nrpe-server", "nrped", ...otherNames];
  return [allow, deny].flatMap((rules) => {
    const named = isNamed(rules);
    return rules.flatMap(({ file, line, text, rule }) => {
      const wrong = listWords(rule.daemons).find((word) => {
        const pattern = parseDaemonPattern(word).daemon;
        if (pattern.kind !== "exact" || matchesText(pattern, daemon)) return false;
        const name = pattern.text.toLowerCase();
        return candidates.some((one) => one.toLowerCase() === name) ||
          nearest(name, [daemon]) !== undefined;
      });
      if (wrong === undefined) return [];
      const fixed = text.trim().replace(wrong, daemon);
      const message = `this rule is for "${printable(wrong)}", and the agent's name is ${daemon}`;
      const make = named ? warning : problem;
      return [make("daemon-name", message, { evidence: lineOf(file, line, text), fix: fixed })];
    });
  });
}

/** Asks the tables about every client that can be named. */
async function checkClients(
  question: TablesQuestion,
  allow: readonly TableRule[],
  deny: readonly TableRule[],
): Promise<readonly DoctorFinding[]> {
  const { tables, daemon, allowedHosts, allowedHostsPlace, refused, admitted } = question;
  const findings: DoctorFinding[] = [];
  const own = [...allow, ...deny].filter((rule) => names(rule, daemon));
  const words = own.flatMap(({ rule }) => listWords(rule.clients));
  const hasNames = words.some(needsLookUp);
  // Behind a rule of hosts.allow that denies, a grant is not reached.
  const grantFix = (address: string, rule?: AccessTrace["rule"]) => {
    const grant = `${daemon}: ${bracketed(address)}`;
    return rule?.table === "allow" ? `sed -i '${rule.line}i ${grant}' ${rule.file}` : grant;
  };

  const anyone = await Promise.all(ANYONE.map((address) => trace(question, address)));
  const open = anyone.every(({ verdict }) => verdict === "granted");
  const named = words.flatMap(addressIn).slice(0, MOST_CLIENTS);
  const verdicts = await Promise.all(named.map((address) => trace(question, address)));
  const someoneIn = open || hasNames || verdicts.some(({ verdict }) => verdict !== "denied");
  if (!someoneIn) {
    const [by] = anyone;
    const client = allowedHosts[0] ?? [...refused.keys()].at(-1) ?? EXAMPLE;
    const stale = by?.rule !== undefined && /^\s*ALL\b/i.test(by.rule.text) && !hasLibwrap();
    const message = stale
      ? `nothing on this host has read ${tables.deny} before: with this agent its rule counts, and ` +
        "refuses every client"
      : "the access tables refuse every client";
    findings.push(problem(stale ? "stale-deny" : "nobody-admitted", message, {
      evidence: by === undefined ? tables.deny : decidedBy(by),
      fix: grantFix(client, by?.rule),
    }));
  }
  if (someoneIn) findings.push(...checkNames(allow.filter((rule) => names(rule, daemon)), open));
  for (const address of allowedHosts.slice(0, MOST_CLIENTS)) {
    const found = await trace(question, address);
    if (found.verdict !== "denied" || !someoneIn) continue;
    const message = `allowed_hosts lists ${address}, and the access tables refuse it`;
    findings.push(problem("allowed-host-refused", message, {
      evidence: `${decidedBy(found)}; ${allowedHostsPlace}`,
      fix: grantFix(address, found.rule),
    }));
  }
  for (const [address, line] of refused) {
    if (!someoneIn || allowedHosts.includes(address)) continue;
    const found = await trace(question, address);
    if (found.verdict !== "denied") continue;
    // Others than the monitoring server are refused every day.
    const make = admitted.size === 0 && !hasNames ? problem : warning;
    const message = `${address} was refused, and would be again`;
    findings.push(make("client-refused", message, {
      evidence: `${decidedBy(found)}; ${line}`,
      fix: grantFix(address, found.rule),
    }));
  }
  const self = await trace(question, LOOPBACK);
  if (self.verdict === "denied" && someoneIn) {
    const explicit = self.rule !== undefined && self.rule.table === "deny" &&
      new RegExp(`(^|[\\s,])${LOOPBACK.replaceAll(".", "\\.")}([\\s,:]|$)`).test(self.rule.text);
    const make = explicit && open ? problem : hint;
    findings.push(make("loopback-refused", "the access tables refuse this host itself", {
      evidence: decidedBy(self),
      fix: grantFix(LOOPBACK, self.rule),
    }));
  }
  for (const { file, line, text, rule } of open ? deny : []) {
    if (!names({ file, line, text, rule }, daemon)) continue;
    const addresses = listWords(rule.clients).flatMap(addressIn);
    if (addresses.length === 0 || addresses.includes(LOOPBACK)) continue;
    findings.push(hint("client-denied", "this rule refuses clients, and all others get in", {
      evidence: lineOf(file, line, text),
    }));
  }
  if (open) {
    const fix = `${daemon}: ALL`;
    const message = `no rule refuses an unknown client: everyone is served; for ${tables.deny}`;
    findings.push(warning("everyone-admitted", message, { evidence: decidedBy(anyone[0]!), fix }));
  }
  return findings;
}

/** The most names that are looked up: each may take as long as the resolver has patience. */
const MOST_NAMES = 8;

/** Names of clients in rules that grant, by which no client can be known. */
function checkNames(rules: readonly TableRule[], open: boolean): readonly DoctorFinding[] {
  const seen = new Set<string>();
  return rules.flatMap(({ file, line, text, rule }) =>
    listWords(rule.clients).flatMap((word) => {
      const { host } = parseClientPattern(word);
      const isName = host.kind === "text" && host.text.kind === "exact" &&
        /^[\w-]+(\.[\w-]+)+$/.test(host.text.text) && addressIn(word).length === 0;
      if (!isName || seen.size === MOST_NAMES || seen.size === seen.add(host.text.text).size) {
        return [];
      }
      const found = checkName(host.text.text);
      if (found === undefined || found.severity === "hint") return [];
      const make = open ? warning : problem;
      const fix = found.suggestion === undefined ? undefined : { fix: found.suggestion };
      return [make(found.code, found.message, { evidence: lineOf(file, line, text), ...fix })];
    })
  );
}

/** Whether a word of a client list is compared with names, netgroups or files. */
function needsLookUp(word: string): boolean {
  const { host } = parseClientPattern(word);
  if (host.kind === "text") {
    return host.names && host.text.kind !== "ALL" && !/^EXCEPT$/i.test(word);
  }
  return host.kind !== "net";
}

/** An address that a word of a client list stands for. */
function addressIn(word: string): readonly string[] {
  const bare = word.replace(/^\[(.*)\](\/.*)?$/, "$1").replace(/\/.*$/, "");
  if (/^([0-9]+\.){3}[0-9]+$/.test(bare)) return [bare];
  if (/^([0-9]+\.){1,3}$/.test(bare)) return [`${bare}1.1.1`.split(".").slice(0, 4).join(".")];
  return /^[0-9a-f:]*:[0-9a-f:.]*$/i.test(bare) ? [bare] : [];
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** Whether libwrap is installed, so that other programs have read the tables. */
function hasLibwrap(): boolean {
  const { readdirSync } = process.getBuiltinModule("node:fs");
  for (const directory of ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"]) {
    try {
      const names = readdirSync(directory);
      if (names.some((name) => name.startsWith("libwrap.so"))) return true;
      for (const name of names.filter((name) => name.endsWith("-linux-gnu"))) {
        const inner = readdirSync(`${directory}/${name}`);
        if (inner.some((file) => file.startsWith("libwrap.so"))) return true;
      }
    } catch {
      // No such directory, or none that this user may read.
    }
  }
  return false;
}
