/**
 * Asks the engine, or the compiled program, questions whose answers are known, and compares.
 *
 * `bun access_worker.ts SUBJECT HOSTS generated FIRST COUNT` takes the answers from tcpdmatch, as does
 * `... given FILE` for the questions of a file, and `... recorded FILE` takes them from a file like
 * access-cases.jsonl. SUBJECT is `engine` or the program,
 * perhaps by the name tcpdmatch, HOSTS the text of /etc/hosts for the questions. It has to run in a private mount namespace. Each
 * disagreement is a line of JSON on stdout; the last line counts.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { lookUpFact, requestsOf } from "../../lib/diagnose/check_access_request.ts";
import { printable } from "../../lib/log.ts";
import { readTableFile } from "../../lib/access/table_files.ts";
import { decide, type DecisionCallbacks } from "../../lib/wrappers/decide.ts";
import { UNKNOWN } from "../../lib/wrappers/request.ts";
import { type AccessCase, accessCase } from "./access_cases.ts";
import { seededRandom } from "../support/random.ts";
import { bindSyslog } from "./syslog_socket.ts";
import {
  askTcpdmatch,
  optionsIn,
  optionText,
  type OracleAnswer,
  rulesIn,
  verdictsIn,
} from "./tcpdmatch.ts";

const [subject, hosts, source, ...rest] = process.argv.slice(2) as [
  string,
  string,
  string,
  ...string[],
];
const directory = `/tmp/nrpe-access-${process.pid}`;

function writeFiles({ allow, deny, files }: AccessCase): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const write = (name: string, text: string) =>
    writeFileSync(`${directory}/${name}`, text.replaceAll("@DIR@", directory), "latin1");
  if (allow !== null) write("hosts.allow", allow);
  if (deny !== null) write("hosts.deny", deny);
  for (const [name, text] of Object.entries(files)) write(name, text);
}

type Answer = Omit<OracleAnswer, "log">;

async function askEngine(daemon: string, client: string): Promise<Answer> {
  const asked = requestsOf(daemon, client, false);
  if (asked.kind === "error") return { answered: false, verdicts: [], rules: [], options: [] };
  const tables = {
    allow: `${directory}/hosts.allow`,
    deny: `${directory}/hosts.deny`,
    read: readTableFile,
  };
  const rules: string[] = [];
  const options: string[] = [];
  const run: DecisionCallbacks["run"] = ({ effect, value }) => {
    options.push(optionText(effect.option, value));
    return "done";
  };
  const verdicts: Answer["verdicts"][number][] = [];
  for (const request of asked.requests) {
    const { verdict, rule } = await decide(tables, request, { lookUp: lookUpFact, run });
    if (rule !== undefined) rules.push(`${rule.table} ${rule.line}`);
    const { address, name } = request.client;
    verdicts.push({
      address: known(address),
      // Tables and names are files here, so every name is answered.
      name: known(typeof name === "string" ? name : undefined),
      user: known(request.user),
      access: verdict,
    });
  }
  return { answered: true, verdicts, rules, options };
}

function askBinary(binary: string, daemon: string, client: string): Answer {
  const run = Bun.spawnSync([
    binary,
    "--check-access",
    "--json",
    "--hosts-allow",
    `${directory}/hosts.allow`,
    "--hosts-deny",
    `${directory}/hosts.deny`,
    "--",
    daemon,
    client,
  ]);
  const answered = run.exitCode !== 2;
  const lines = run.stdout.toString().split("\n").filter((text) => text !== "");
  const verdicts = answered ? lines.map((text) => JSON.parse(text)) : [];
  const denied = verdicts.some(({ access }) => access === "denied");
  if (answered && run.exitCode !== (denied ? 1 : 0)) {
    throw new Error(`exit status ${run.exitCode} with ${run.stdout}${run.stderr}`);
  }
  return {
    answered,
    verdicts: verdicts.map(({ client, access }) => ({
      address: client.address,
      name: known(client.name),
      user: known(client.user),
      access,
    })),
    rules: verdicts.flatMap(({ file, line, rule }) => {
      const table = /(allow|deny)$/.exec(file ?? "")?.[0];
      // A table that cannot be read on has a line and no rule.
      return table === undefined || line === null || rule === null ? [] : [`${table} ${line}`];
    }),
    options: verdicts.flatMap(({ effects }) =>
      effects.map((effect: { option: string; value: string | null }) =>
        optionText(effect.option, effect.value)
      )
    ),
  };
}

/** Asks this file by the name tcpdmatch. */
function askByName(binary: string, daemon: string, client: string): Answer {
  const run = Bun.spawnSync([binary, "-d", "--", daemon, client], { cwd: directory });
  if (run.exitCode === 2) return { answered: false, verdicts: [], rules: [], options: [] };
  const stdout = run.stdout.toString("latin1");
  const lines = stdout.split("\n");
  const verdicts = verdictsIn(stdout);
  const denied = verdicts.some(({ access }) => access === "denied");
  if (run.exitCode !== (denied ? 1 : 0)) {
    throw new Error(`exit status ${run.exitCode} with ${stdout}${run.stderr}`);
  }
  return { answered: true, verdicts, rules: rulesIn(lines), options: optionsIn(lines) };
}

function ask(daemon: string, client: string): Answer | Promise<Answer> {
  if (subject === "engine") return askEngine(daemon, client);
  return subject.endsWith("/tcpdmatch")
    ? askByName(subject, daemon, client)
    : askBinary(subject, daemon, client);
}

/** An answer as the subject shows it: by the name tcpdmatch it prints no control characters but tabs. */
function shownBy(subject: string, answer: Answer): Answer {
  if (!subject.endsWith("/tcpdmatch")) return answer;
  const shown = (text: string) => text.split("\t").map(printable).join("\t");
  return { ...answer, options: answer.options.map(shown) };
}

/**
 * Whether both came to the same options. Where one is wrong tcpdmatch may name it before it says so,
 * and where the client has several addresses nothing tells whose options they are.
 */
function sameOptions(should: Answer, does: Answer): boolean {
  const more = should.options.length - does.options.length;
  return should.verdicts.length > 1 || more === 0 && Bun.deepEquals(should.options, does.options) ||
    more === 1 && Bun.deepEquals(should.options.slice(0, -1), does.options);
}

/** A question with the answer that it should get. */
interface Posed {
  readonly question: AccessCase;
  /** What tells the question apart: a seed or a number. */
  readonly id: number;
  /** Called when the files of the question are in place. */
  readonly expected: () => Answer;
}

function* generatedCases(first: number, count: number): Generator<AccessCase> {
  for (let seed = first; seed < first + count; seed++) yield accessCase(seededRandom(seed));
}

function* askedOfTcpdmatch(questions: Iterable<AccessCase>, first: number): Generator<Posed> {
  const drain = bindSyslog();
  let id = first;
  for (const question of questions) {
    const { daemon, client } = question;
    yield {
      question,
      id: id++,
      expected() {
        const { log: _, ...answer } = askTcpdmatch(directory, daemon, client, drain);
        return answer;
      },
    };
  }
}

interface Recorded extends AccessCase {
  readonly id: number;
  readonly expect: readonly {
    readonly address: string | null;
    readonly name: string;
    readonly access: string;
    readonly file: string | null;
    readonly line: number | null;
  }[];
}

function* recorded(file: string): Generator<Posed> {
  for (const line of readFileSync(file, "utf8").split("\n").slice(1)) {
    if (line === "") continue;
    const { id, expect, ...question } = JSON.parse(line) as Recorded;
    const user = /^([^@]+)@/.exec(question.client)?.[1] ?? UNKNOWN;
    const verdicts = expect.map(({ address, name, access }) => ({
      address,
      name: known(name),
      user: known(user),
      access,
    }));
    const rules = expect.flatMap(({ file, line }) =>
      file === null ? [] : [`${file.replace("hosts.", "")} ${line}`]
    );
    yield { question, id, expected: () => ({ answered: true, verdicts, rules, options: [] }) };
  }
}

function known(text: string | null | undefined): string | null {
  return text === undefined || text?.toLowerCase() === UNKNOWN ? null : text;
}

writeFileSync(`${directory}.hosts`, hosts);
writeFileSync(
  `${directory}.nsswitch`,
  "passwd: files\ngroup: files\nhosts: files\nnetgroup: nis\n",
);
for (const [name, target] of [["hosts", "/etc/hosts"], ["nsswitch", "/etc/nsswitch.conf"]]) {
  const mounted = Bun.spawnSync(["mount", "--bind", `${directory}.${name}`, target!]);
  if (mounted.exitCode !== 0) throw new Error(mounted.stderr.toString());
  rmSync(`${directory}.${name}`);
}
function posedBy(source: string, [one, other]: readonly string[]): Generator<Posed> {
  switch (source) {
    case "generated":
      return askedOfTcpdmatch(generatedCases(Number(one), Number(other)), Number(one));
    case "given":
      return askedOfTcpdmatch(JSON.parse(readFileSync(one!, "utf8")), 0);
    default:
      return recorded(one!);
  }
}

const posed = posedBy(source, rest);
let cases = 0;
let disagreements = 0;
const verdicts: Record<string, number> = {};
try {
  for (const { question, id, expected } of posed) {
    cases++;
    writeFiles(question);
    const should = shownBy(subject, expected());
    const does = await ask(question.daemon, question.client);
    for (const { access } of should.verdicts) {
      const by = /^\w+/.exec(should.rules[0] ?? "no rule")![0];
      const kind = `${access} by ${by}`;
      verdicts[kind] = (verdicts[kind] ?? 0) + 1;
    }
    const { options: _, ...rest } = should;
    const agree = Bun.deepEquals(rest, { ...does, options: undefined }) &&
      (source === "recorded" || sameOptions(should, does));
    if (agree) continue;
    disagreements++;
    console.log(JSON.stringify({ id, question, should, does }));
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log(JSON.stringify({ cases, disagreements, verdicts }));
process.exit(0);
