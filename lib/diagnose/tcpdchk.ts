/**
 * This file by the name tcpdchk: what is wrong with the tables, as tcpdchk(8) says it.
 */
import type { MatchedRule, TableName, Tables } from "../wrappers/find_rule.ts";
import { judgeByRule, type Verdict } from "../wrappers/decide.ts";
import { isExcept } from "../wrappers/match_list.ts";
import type { Code } from "../wrappers/lint/catalogue.ts";
import { isWildcard } from "../wrappers/lint/keyword.ts";
import { parseDaemonPattern } from "../wrappers/pattern.ts";
import type { Request } from "../wrappers/request.ts";
import { lineAt, listWords, parseRule, TABLE_START } from "../wrappers/table.ts";
import { lookUpFact } from "./check_access_request.ts";
import { exactArguments } from "../system/arguments.ts";
import { type InetdConf, inetdProblem, readInetdConf } from "./inetd_conf.ts";
import { findInTables } from "./lint/check_tables.ts";
import { hostDaemons } from "./lint/services.ts";
import {
  EXIT_NO_ANSWER,
  optionRow,
  parseTool,
  placeText,
  printProblem,
  printRow,
  tablesOf,
} from "./wrapper_tool.ts";

const EXIT_NO_ERROR = 0;
const EXIT_ERROR = 1;

/** The letters of the options without a value, beside -i with one. */
export const CHECK_LETTERS = "adv";

const USAGE = "usage: tcpdchk [-a] [-d] [-i inet_conf] [-v]";

/** What is known about daemons from inetd.conf takes the place of this finding. */
const UNKNOWN_DAEMON: Code = "unknown-daemon";

/**
 * Prints what is wrong with the tables on standard error, and with -v each rule on standard output.
 *
 * @param given The arguments, without the name of the program.
 * @returns The exit status: 0 no error, 1 errors, 2 wrong arguments.
 */
export async function tcpdchk(given: readonly string[]): Promise<number> {
  const args = parseTool(exactArguments(given), CHECK_LETTERS);
  if (args.kind === "usage" || args.words.length > 0) {
    const problem = args.kind === "usage" ? args.problem : "no words are expected";
    printProblem(`tcpdchk: ${problem}`);
    printProblem(USAGE);
    return EXIT_NO_ANSWER;
  }
  const inetd = readInetdConf(args.inetdConf);
  if (typeof inetd === "string") {
    printProblem(inetd);
    return EXIT_NO_ANSWER;
  }
  const verbose = args.letters.has("v");
  if (verbose && inetd !== undefined) printRow(`Using network configuration file: ${inetd.file}`);
  for (const warning of inetd?.warnings ?? []) printProblem(`warning: ${warning}`);

  const tables = tablesOf(args);
  const report = findInTables(tables, {
    daemon: "nrpe",
    lookup: true,
    named: [],
    config: undefined,
  });
  for (const { severity, file, place, message, suggestion, code } of report.findings) {
    if (code === UNKNOWN_DAEMON && inetd !== undefined) continue;
    const advice = suggestion === undefined ? "" : `; ${suggestion}`;
    printProblem(`${severity}: ${placeText(file, place?.line)}: ${message} [${code}]${advice}`);
  }
  for (const { severity, file, code, count } of report.suppressed) {
    printProblem(`${severity}: ${file}: ${count} more of [${code}]`);
  }

  const elsewhere = args.inetdConf === undefined
    ? new Set(hostDaemons().map(({ name }) => name))
    : new Set<string>();
  for (const table of ["allow", "deny"] as const) {
    for (const rule of rulesOf(tables, table)) {
      const judged = await judge(rule);
      if (verbose) printRule(rule, judged);
      if (inetd !== undefined) checkDaemons(rule, inetd, elsewhere);
      if (args.letters.has("a") && judged.isImplicit) {
        printProblem(
          `warning: ${placeText(rule.file, rule.line)}: implicit "allow" at end of rule`,
        );
      }
    }
  }
  const hasErrors = report.findings.some(({ severity }) => severity === "error");
  return hasErrors ? EXIT_ERROR : EXIT_NO_ERROR;
}

/** A rule of a table, its lists divided into words. */
interface ListedRule extends MatchedRule {
  readonly daemons: readonly string[];
  readonly clients: readonly string[];
}

function* rulesOf(tables: Tables, table: TableName): Generator<ListedRule> {
  const file = tables[table];
  const content = tables.read(file);
  if (content.kind !== "text") return;
  for (let place = TABLE_START;;) {
    const line = lineAt(content.text, place);
    if (line.kind !== "line") return;
    const rule = parseRule(line.text);
    if (rule.kind === "rule") {
      const { options } = rule;
      const [daemons, clients] = [listWords(rule.daemons), listWords(rule.clients)];
      yield { table, file, line: line.line, text: line.text, options, daemons, clients };
    }
    place = line.next;
  }
}

/** What a rule does with any client. */
interface Judged {
  readonly verdict: Verdict;
  /** Its options, as rows. */
  readonly rows: readonly string[];
  /** Whether it grants because it stands in hosts.allow alone. */
  readonly isImplicit: boolean;
}

/** A client whose facts stand for those of any client. */
const ANY_REQUEST: Request = {
  daemon: "daemon_name",
  client: { address: "client_addr", name: "client_hostname" },
  server: { address: "server_addr", name: "server_hostname" },
  user: "user_name",
  answers: new Map(),
  pid: undefined,
  resident: false,
};

/** Judges any client by a rule. No command is run; `aclexec` counts as a success. */
async function judge(rule: MatchedRule): Promise<Judged> {
  const rows: string[] = [];
  let isExplicit = false;
  const { verdict = "denied" } = await judgeByRule(rule, ANY_REQUEST, {
    lookUp: lookUpFact,
    run: ({ effect, value }) => {
      rows.push(optionRow(effect.option, value));
      if (effect.option === "allow") isExplicit = true;
      return "done";
    },
  });
  const isImplicit = rule.table === "allow" && verdict === "granted" && !isExplicit;
  return { verdict, rows, isImplicit };
}

function printRule({ file, line, daemons, clients }: ListedRule, { verdict, rows }: Judged): void {
  printRow("");
  printRow(`>>> Rule ${file} line ${line}:`);
  printRow(`daemons:  ${daemons.join(" ")}`);
  printRow(`clients:  ${clients.join(" ")}`);
  for (const row of rows) printRow(row);
  printRow(`access:   ${verdict}`);
}

/** Compares the daemons of a rule with the services of inetd. */
function checkDaemons(
  { file, line, daemons }: ListedRule,
  inetd: InetdConf,
  elsewhere: ReadonlySet<string>,
): void {
  for (const word of daemons) {
    const { daemon } = parseDaemonPattern(word);
    if (isExcept(word) || daemon.kind !== "exact" || isWildcard(daemon.text)) continue;
    if (elsewhere.has(daemon.text) && !inetd.services.has(daemon.text)) continue;
    const problem = inetdProblem(inetd, daemon.text);
    if (problem !== undefined) printProblem(`warning: ${placeText(file, line)}: ${problem}`);
  }
}
