import { expect, test } from "bun:test";
import { decide } from "../../lib/wrappers/decide.ts";
import type { LintFinding } from "../../lib/wrappers/lint/finding.ts";
import { lintTables } from "../../lib/wrappers/lint/tables.ts";
import type { Tables } from "../../lib/wrappers/find_rule.ts";
import type { FileRead } from "../../lib/wrappers/match_list.ts";
import { UNKNOWN } from "../../lib/wrappers/request.ts";

/** hosts.allow and hosts.deny, by the names that they have here. */
type Texts = Readonly<Record<"allow" | "deny", string>>;

function tablesOf(texts: Texts): Tables {
  const read = (path: string): FileRead =>
    path === "allow" || path === "deny" ? { kind: "text", text: texts[path] } : { kind: "missing" };
  return { allow: "allow", deny: "deny", read };
}

function lint(texts: Texts): readonly LintFinding[] {
  return lintTables(tablesOf(texts), {
    agent: "nrpe",
    services: () => new Set(["nrpe"]),
    ask: () => true,
    directoryExists: () => true,
  }).findings;
}

/** Who of `clients` gets in. */
async function admitted(texts: Texts, clients: string, daemon = "nrpe"): Promise<string> {
  const served: string[] = [];
  for (const client of clients.split(" ")) {
    const { verdict } = await decide(tablesOf(texts), {
      daemon,
      client: { address: client, name: UNKNOWN },
      server: { address: UNKNOWN, name: UNKNOWN },
      user: UNKNOWN,
      answers: new Map(),
      pid: 1,
      resident: false,
    }, {
      lookUp: () => {
        throw new Error("nothing needs to be looked up");
      },
      run: () => "done",
    });
    if (verdict !== "denied") served.push(client);
  }
  return served.join(" ");
}

/** Does what a finding suggests. */
function applied(texts: Texts, { file, place, suggestion = "" }: LintFinding): Texts {
  const table = file as keyof Texts;
  const text = texts[table];
  const start = place!.lineStart + place!.column - 1;
  const end = start + place!.length;
  const newline = text.indexOf("\n", place!.lineStart);
  const lines = text.split("\n");
  const line = lines[place!.line - 1]!;
  const [, rule] = /^write (\S+: ALL) into hosts\.deny/.exec(suggestion) ?? [];
  const [, before] = /^move it before line (\d+)$/.exec(suggestion) ?? [];
  const [, written] = /^write (.*)$/.exec(suggestion) ?? [];
  if (rule !== undefined) return { ...texts, deny: `${texts.deny}${rule}\n` };
  if (suggestion.startsWith("put the comment")) {
    const at = line.indexOf("#");
    lines.splice(place!.line - 1, 1, line.slice(at), line.slice(0, at).trimEnd());
  } else if (/^remove (it|this line)\b/.test(suggestion)) lines.splice(place!.line - 1, 1);
  else if (before !== undefined) {
    lines.splice(place!.line - 1, 1);
    lines.splice(Number(before) - 1, 0, line);
  } else if (written !== undefined) {
    // A missing colon is about the whole line.
    const last = place!.column === 1 ? newline : end;
    return { ...texts, [table]: text.slice(0, start) + written + text.slice(last) };
  } else throw new Error(`what to do about "${suggestion}" is not known here`);
  return { ...texts, [table]: lines.join("\n") };
}

interface Mending extends Texts {
  readonly code: string;
  readonly suggestion: string;
  readonly clients: string;
  /** Who of them gets in, before and after. */
  readonly before: string;
  readonly after: string;
}

const ALL = "ALL: ALL\n";

const MENDINGS: Readonly<Record<string, Mending>> = {
  "an address without a daemon, and a comment": {
    allow: "",
    deny: "7.240.70.115 # port scan\n",
    code: "missing-colon",
    suggestion: "write ALL: 7.240.70.115",
    clients: "7.240.70.115 192.0.2.1",
    before: "7.240.70.115 192.0.2.1",
    after: "192.0.2.1",
  },
  "addresses and nets without a daemon": {
    allow: "",
    deny: "192.0.2.1, 198.51.100.0/24 10.\n",
    code: "missing-colon",
    suggestion: "write ALL: 192.0.2.1 198.51.100.0/24 10.",
    clients: "192.0.2.1 198.51.100.9 10.1.1.1 192.0.2.2",
    before: "192.0.2.1 198.51.100.9 10.1.1.1 192.0.2.2",
    after: "192.0.2.2",
  },
  "a comment with a time, whose colon is the only one": {
    allow: "",
    deny: "192.0.2.1 # banned 12:30:45\n",
    code: "missing-colon",
    suggestion: "write ALL: 192.0.2.1",
    clients: "192.0.2.1 192.0.2.2",
    before: "192.0.2.1 192.0.2.2",
    after: "192.0.2.2",
  },
  "an IPv6 address at the beginning of a line": {
    allow: "2001:db8::7 # office\n",
    deny: ALL,
    code: "ipv6-without-brackets",
    suggestion: "write ALL: [2001:db8::7]",
    clients: "2001:db8::7 2001:db8::8",
    before: "",
    after: "2001:db8::7",
  },
  "an IPv6 net in brackets without a daemon": {
    allow: "[2001:db8::]/32\n",
    deny: ALL,
    code: "missing-colon",
    suggestion: "write ALL: [2001:db8::]/32",
    clients: "2001:db8::8 192.0.2.1",
    before: "",
    after: "2001:db8::8",
  },
  "a comment behind an option": {
    allow: "nrpe: 192.0.2.1 : allow   # office\n",
    deny: ALL,
    code: "comment-behind-rule",
    suggestion: "put the comment on a line of its own, # first",
    clients: "192.0.2.1",
    before: "",
    after: "192.0.2.1",
  },
  "a comment with an address in it": {
    allow: "nrpe: 192.0.2.1 # was 192.0.2.9\n",
    deny: ALL,
    code: "comment-behind-rule",
    suggestion: "put the comment on a line of its own, # first",
    clients: "192.0.2.1 192.0.2.9",
    before: "192.0.2.1 192.0.2.9",
    after: "192.0.2.1",
  },
  "FreeBSD's first rule": {
    allow:
      "# Start by allowing everything\nALL : ALL : allow\nnrpe : 192.0.2.0/24 : allow\nALL : ALL : deny\n",
    deny: "",
    code: "allow-all-first",
    suggestion: "remove this line, and the rules after it decide",
    clients: "192.0.2.1 10.0.0.1",
    before: "192.0.2.1 10.0.0.1",
    after: "192.0.2.1",
  },
  "a duplicate": {
    allow: "nrpe: 192.0.2.1\nnrpe:192.0.2.1\n",
    deny: ALL,
    code: "unreachable-rule",
    suggestion: "remove it",
    clients: "192.0.2.1 10.0.0.1",
    before: "192.0.2.1",
    after: "192.0.2.1",
  },
  "a grant inside another": {
    allow: "nrpe: 192.0.2.\nnrpe: 192.0.2.1\n",
    deny: ALL,
    code: "unreachable-rule",
    suggestion: "remove it",
    clients: "192.0.2.1 10.0.0.1",
    before: "192.0.2.1",
    after: "192.0.2.1",
  },
  "a denial behind two grants": {
    allow: "nrpe: 192.0.2.1\nnrpe: 192.0.2.2\nnrpe: 192.0.2.1 192.0.2.2: deny\n",
    deny: "",
    code: "deny-never-reached",
    suggestion: "move it before line 1",
    clients: "192.0.2.1 192.0.2.2",
    before: "192.0.2.1 192.0.2.2",
    after: "",
  },
  "rules behind ALL@ALL": {
    allow: "",
    deny: "ALL: ALL@ALL, PARANOID\nnrpe: 192.0.2.1\n",
    code: "unreachable-rule",
    suggestion: "remove it",
    clients: "192.0.2.1 10.0.0.1",
    before: "",
    after: "",
  },
  "a grant that no denial is about": {
    allow: "nrpe: 192.0.2.1\n",
    deny: "nrpe: 198.51.100.0/24\nsshd: ALL\n",
    code: "nothing-denies",
    suggestion: "write nrpe: ALL into hosts.deny to keep others out",
    clients: "192.0.2.1 10.0.0.1 198.51.100.1",
    before: "192.0.2.1 10.0.0.1",
    after: "192.0.2.1",
  },
};

test.each(Object.entries(MENDINGS))(
  "what is suggested for %s does what is meant",
  async (_, { code, suggestion, clients, before, after, allow, deny }) => {
    const texts = { allow, deny };
    const found = lint(texts).filter((finding) => finding.code === code);
    expect(found.map((finding) => finding.suggestion)).toEqual([suggestion]);
    expect(await admitted(texts, clients)).toBe(before);
    const mended = applied(texts, found[0]!);
    expect(await admitted(mended, clients)).toBe(after);
    expect(lint(mended).filter((finding) => finding.code === code)).toEqual([]);
  },
);
