import { describe, expect, test } from "bun:test";
import { decide, type DecisionCallbacks } from "../../lib/wrappers/decide.ts";
import { findRule, type Tables } from "../../lib/wrappers/find_rule.ts";
import type { FileRead } from "../../lib/wrappers/match_list.ts";
import { type Fact, type Request, UNKNOWN } from "../../lib/wrappers/request.ts";

const REQUEST: Request = {
  daemon: "nrpe",
  client: { address: "10.0.0.1", name: UNKNOWN },
  server: { address: UNKNOWN, name: UNKNOWN },
  user: UNKNOWN,
  answers: new Map(),
  pid: 1,
  resident: false,
};

function tablesOf(allow: string | FileRead, deny: string | FileRead, files = {}): Tables {
  const all: Record<string, string | FileRead> = { allow, deny, ...files };
  return {
    allow: "allow",
    deny: "deny",
    read(path) {
      const file = all[path];
      if (file === undefined) return { kind: "missing" };
      return typeof file === "string" ? { kind: "text", text: file } : file;
    },
  };
}

interface Heard {
  readonly verdict: string;
  readonly place: string | undefined;
  readonly ran: readonly string[];
  readonly facts: readonly Fact[];
  readonly warnings: readonly string[];
}

/** Decides, and tells what was asked and run on the way. */
async function hear(
  tables: Tables,
  request: Request = REQUEST,
  known: Partial<Request> = {},
): Promise<Heard> {
  const ran: string[] = [];
  const facts: Fact[] = [];
  const warnings: string[] = [];
  const callbacks: DecisionCallbacks = {
    lookUp(fact, asked) {
      facts.push(fact);
      return { ...asked, ...known };
    },
    run({ effect, value }) {
      ran.push(value === undefined ? effect.option : `${effect.option} ${value}`);
      return "command" in effect && effect.command === "false" ? "aclexec failed" : "done";
    },
    warning: (file, line, message) => warnings.push(`${file}:${line ?? ""} ${message}`),
  };
  const { verdict, rule } = await decide(tables, request, callbacks);
  const place = rule && `${rule.table} ${rule.line}`;
  return { verdict, place, ran, facts, warnings };
}

describe("decide()", () => {
  const cases: [name: string, allow: string, deny: string, verdict: string, place: string][] = [
    ["grants without rules", "", "", "granted", "none"],
    ["takes hosts.allow first", "ALL: ALL\n", "ALL: ALL\n", "granted", "allow 1"],
    [
      "goes on after a failed aclexec with hosts.deny",
      "ALL: ALL: aclexec false\nALL: ALL\n",
      "ALL: ALL\n",
      "denied",
      "deny 1",
    ],
    [
      "grants after a failed aclexec in hosts.deny",
      "",
      "ALL: ALL: aclexec false\nALL: ALL\n",
      "granted",
      "none",
    ],
    [
      "lets the last aclexec count",
      "ALL: ALL: aclexec false: aclexec true\n",
      "ALL: ALL\n",
      "granted",
      "allow 1",
    ],
    [
      "lets allow decide after a failed aclexec",
      "ALL: ALL: aclexec false: allow\n",
      "ALL: ALL\n",
      "granted",
      "allow 1",
    ],
    [
      "skips a line with a NUL byte in hosts.allow",
      "ALL: ALL\0\nALL: ALL\n",
      "ALL: ALL\n",
      "granted",
      "allow 2",
    ],
    ["refuses at a line with a NUL byte in hosts.deny", "", "#\0\n", "denied", "none"],
    ["denies for a number out of range", "ALL: ALL: nice 99999999999\n", "", "denied", "allow 1"],
    ["reads no mask out of range", "ALL: 10.0.0.1/4294967328\n", "ALL: ALL\n", "denied", "deny 1"],
  ];
  test.each(cases)("%s", async (_, allow, deny, verdict, place) => {
    const heard = await hear(tablesOf(allow, deny));
    expect({ verdict: heard.verdict, place: heard.place ?? "none" }).toEqual({ verdict, place });
  });

  test("runs options in their order up to the wrong one", async () => {
    const { ran, verdict } = await hear(
      tablesOf("ALL: ALL: spawn a %a: nice: bogus: spawn b\n", ""),
    );
    expect(ran).toEqual(["spawn a 10.0.0.1", "nice"]);
    expect(verdict).toBe("denied");
  });

  test("refuses twist in a resident process", async () => {
    const tables = tablesOf("ALL: ALL: twist echo\n", "");
    expect((await hear(tables)).verdict).toBe("delegated");
    expect((await hear(tables, { ...REQUEST, resident: true })).verdict).toBe("denied");
  });

  test("shows in %c what is known when its turn comes", async () => {
    const tables = tablesOf("ALL: ALL: spawn %c: rfc931 7: spawn %c\n", "");
    const heard = await hear(tables, { ...REQUEST, user: undefined }, { user: "eve" });
    expect(heard.facts).toEqual([{ kind: "user", seconds: 7 }]);
    expect(heard.ran).toEqual(["spawn 10.0.0.1", "rfc931 7", "spawn eve@10.0.0.1"]);
  });

  test("denies where the system failed to read a table", async () => {
    const failed = { kind: "failed", reason: "Too many open files" } as const;
    expect(await hear(tablesOf(failed, ""))).toMatchObject({
      verdict: "denied",
      warnings: ["allow: cannot open: Too many open files"],
    });
    expect((await hear(tablesOf("", failed))).verdict).toBe("denied");
    expect((await hear(tablesOf("nrpe: ALL\n", failed))).verdict).toBe("granted");
  });

  test("treats unreadable tables as hosts_access does", async () => {
    const unreadable = { kind: "unreadable", reason: "Permission denied" } as const;
    expect(await hear(tablesOf(unreadable, ""))).toMatchObject({
      verdict: "granted",
      warnings: ["allow: cannot open: Permission denied"],
    });
    expect((await hear(tablesOf("", unreadable))).verdict).toBe("denied");
    const directory = { kind: "directory" } as const;
    expect(await hear(tablesOf(directory, directory))).toMatchObject({
      verdict: "granted",
      warnings: [],
    });
  });
});

describe("findRule()", () => {
  const client = (name: string | undefined) => ({
    ...REQUEST,
    client: { ...REQUEST.client, name },
  });

  test("asks for a name only when an address does not fit", async () => {
    const tables = tablesOf("nrpe: 10.0.0.2 [::1] 10.0.0.0/30 .example\nnrpe: .example\n", "");
    expect((await hear(tables, client(undefined))).facts).toEqual([]);
    const names = tablesOf("x: .example\nnrpe: 10.0.0.2\nnrpe: .example\n", "ALL: ALL\n");
    const asked = client(undefined);
    expect(findRule(names, asked)).toMatchObject({
      kind: "needs",
      fact: { kind: "client name" },
      from: { table: "allow", line: 2 },
    });
    const { client: named } = client("a.example");
    expect(await hear(names, asked, { client: named })).toMatchObject({ place: "allow 3" });
  });

  test("asks for the user after the host", async () => {
    const asked = { ...REQUEST, user: undefined };
    const tables = tablesOf("nrpe: bob@10.0.0.2\nnrpe: bob@10.0.0.1\n", "ALL: ALL\n");
    const heard = await hear(tables, asked, { user: "bob" });
    expect(heard).toMatchObject({ facts: [{ kind: "user" }], place: "allow 2" });
  });

  test("asks for membership of a netgroup by name", () => {
    const tables = tablesOf("nrpe: @admins\n", "ALL: ALL\n");
    expect(findRule(tables, client("a.example"))).toMatchObject({
      fact: { kind: "netgroup", netgroup: "admins", host: "a.example" },
    });
  });

  test("warns once of a rule that it reads twice", async () => {
    const tables = tablesOf("nrpe: 10.0.0.0/99 .example\n", "");
    const heard = await hear(tables, client(undefined), client("b.test"));
    expect(heard.warnings).toHaveLength(1);
    expect(heard.warnings[0]).toStartWith("allow:1 bad net/mask expression");
  });
});

describe("a name that could not be asked for", () => {
  const UNANSWERED = { unanswered: "no answer" };
  const nameless: Request = { ...REQUEST, client: { address: "10.0.0.1", name: UNANSWERED } };
  const files = { "/names": "bad.example\n", "/both": "bad.example 10.0.0.1\n" };
  const ALL = "ALL: ALL\n";
  const callbacks: DecisionCallbacks = { lookUp: (_, request) => request, run: () => "done" };

  // Where no name whatsoever would change what a rule matches, the search goes on.
  const cases: [allow: string, deny: string, verdict: string, place: string][] = [
    ["", "nrpe: bad.example\n", "denied", "undecided deny 1"],
    ["", "nrpe: .example\n", "denied", "undecided deny 1"],
    ["", "nrpe: UNKNOWN\n", "denied", "undecided deny 1"],
    ["", "nrpe: PARANOID\n", "denied", "undecided deny 1"],
    ["", "nrpe: KNOWN\n", "denied", "undecided deny 1"],
    ["", "nrpe: LOCAL\n", "denied", "undecided deny 1"],
    ["", "nrpe: @admins\n", "denied", "undecided deny 1"],
    ["", "nrpe: /names\n", "denied", "undecided deny 1"],
    ["", "nrpe: bob@.example\n", "denied", "undecided deny 1"],
    ["nrpe: good.example\nnrpe: ALL\n", ALL, "denied", "undecided allow 1"],
    ["nrpe: ALL EXCEPT bad.example\n", "", "denied", "undecided allow 1"],
    ["nrpe: bad.example: deny\nnrpe: ALL\n", "", "denied", "undecided allow 1"],
    ["nrpe: .example 10.0.0.1\n", ALL, "granted", "allow 1"],
    ["nrpe: /both\n", ALL, "granted", "allow 1"],
    ["nrpe: .example EXCEPT 10.0.0.1\n", "", "granted", "none"],
    ["nrpe: .example EXCEPT 10.0.0.2\n", "", "denied", "undecided allow 1"],
    ["nrpe: .example EXCEPT ALL EXCEPT bad.example\n", "", "denied", "undecided allow 1"],
    ["nrpe: ALL EXCEPT 10.0.0.1 EXCEPT bad.example\n", "", "denied", "undecided allow 1"],
    ["nrpe: ALL EXCEPT bad.example 10.0.0.1\n", ALL, "denied", "deny 1"],
    ["other: bad.example\nnrpe: 10.0.0.2\n", "nrpe: 10.0.0.2\n", "granted", "none"],
    ["nrpe: 10.0.0.1 bad.example\n", ALL, "granted", "allow 1"],
  ];
  test.each(cases)(
    "with hosts.allow %p and hosts.deny %p has the client %s (%s)",
    async (allow, deny, verdict, place) => {
      const decision = await decide(tablesOf(allow, deny, files), nameless, callbacks);
      const { rule, refusedAt } = decision;
      const where = rule ?? refusedAt;
      const found = where === undefined ? "none" : `${where.table} ${where.line}`;
      const why = refusedAt === undefined ? "" : `${refusedAt.why} `;
      expect(`${decision.verdict} ${why}${found}`).toBe(`${verdict} ${place}`);
    },
  );

  test("is found by the search through a long table, too", async () => {
    const long = "nrpe: 192.0.2.1\n".repeat(2000);
    const tables = tablesOf("", `${long}nrpe: bad.example\n${long}`);
    const { refusedAt } = await decide(tables, nameless, callbacks);
    expect(refusedAt).toMatchObject({ why: "undecided", table: "deny", line: 2001 });
  });

  test("leaves a rule for one of the server's names undecided", async () => {
    const server = { address: "192.0.2.1", name: UNANSWERED };
    const { verdict } = await hear(tablesOf("", "nrpe@host.example: ALL\n"), {
      ...REQUEST,
      server,
    });
    expect(verdict).toBe("denied");
    const others = tablesOf("", "nrpe@host.example: 10.0.0.2\n");
    expect((await hear(others, { ...REQUEST, server })).verdict).toBe("granted");
  });

  test("is unknown to an expansion, which decides nothing", async () => {
    const { ran } = await hear(tablesOf("ALL: ALL: spawn %n %h %c\n", ""), nameless);
    expect(ran).toEqual(["spawn unknown 10.0.0.1 10.0.0.1"]);
  });

  test("leaves the membership of a netgroup undecided alike", async () => {
    const asked = { ...REQUEST, client: { address: "10.0.0.1", name: "a.example" } };
    const answers = new Map([["netgroup\0admins\0a.example", UNANSWERED]]);
    const tables = tablesOf("", "nrpe: @admins\n");
    expect((await hear(tables, { ...asked, answers })).verdict).toBe("denied");
  });
});

describe("pattern files", () => {
  test("that name themselves match nothing by that, and are complained about", async () => {
    const files = { "/a": "/b\n", "/b": "/a 10.0.0.1\n" };
    const heard = await hear(tablesOf("nrpe: /a\n", "ALL: ALL\n", files));
    expect(heard.place).toBe("allow 1");
    expect(heard.warnings).toEqual(["allow:1 /a names itself by way of /b"]);
    expect((await hear(tablesOf("nrpe: /c\n", "ALL: ALL\n", { "/c": "/c" }))).verdict).toBe(
      "denied",
    );
  });

  test("that name others many times over take little time", async () => {
    const files: Record<string, string> = {};
    for (let at = 0; at < 90; at++) files[`/f${at}`] = `/f${at + 1} `.repeat(50);
    files["/f90"] = "10.0.0.1";
    expect((await hear(tablesOf("nrpe: /f0\n", "ALL: ALL\n", files))).place).toBe("allow 1");
  });

  test("that are nested too deep match nothing, and are complained about", async () => {
    const files: Record<string, string> = {};
    for (let at = 0; at < 5000; at++) files[`/f${at}`] = `/f${at + 1}`;
    const heard = await hear(tablesOf("nrpe: /f0\n", "ALL: ALL\n", files));
    expect(heard.verdict).toBe("denied");
    expect(heard.warnings).toEqual([
      "allow:1 /f100 is not read: files name one another more than 100 deep",
    ]);
  });

  test.each<[verdict: string, allow: string, deny: string]>([
    ["denied", "nrpe: /f\n", ""],
    ["denied", "", "nrpe: /f\n"],
    ["denied", "nrpe: ALL EXCEPT /f\n", ""],
    ["granted", "nrpe: ALL\n", "nrpe: /f\n"],
    ["granted", "nrpe: /f 10.0.0.1\n", "ALL: ALL\n"],
    ["granted", "", "other: /f\n"],
  ])("that reading failed for: %s where hosts.allow has %j and hosts.deny %j", async (...row) => {
    const [verdict, allow, deny] = row;
    const files = { "/f": { kind: "failed", reason: "no" } } as const;
    expect((await hear(tablesOf(allow, deny, files))).verdict).toBe(verdict);
  });

  test("that cannot be read match nothing, and are complained about", async () => {
    const heard = await hear(
      tablesOf("nrpe: /f\n", "", { "/f": { kind: "unreadable", reason: "no" } }),
    );
    expect(heard.warnings).toEqual(["allow:1 cannot open /f: no"]);
  });
});
