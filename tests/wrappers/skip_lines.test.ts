import { describe, expect, test } from "bun:test";
import { findRule, type SearchPlace, type Tables } from "../../lib/wrappers/find_rule.ts";
import type { FileRead } from "../../lib/wrappers/match_list.ts";
import { type Request, UNKNOWN } from "../../lib/wrappers/request.ts";
import { indexTable } from "../../lib/wrappers/table_index.ts";
import { accessCase } from "../peers/access_cases.ts";
import { seededRandom } from "../support/random.ts";

const SEED = 20261123;
const CASES = 1500;

/** Long enough for the search to look for lines worth reading. */
const FILLING = "sshd: 10.77.1.2, 10.77.3.4\nnrpe: 203.0.113.7 .elsewhere.test\n".repeat(150);

function tableOf(seed: number): string {
  let text = "";
  for (let at = 0; at < 30; at++) {
    const { allow } = accessCase(seededRandom(seed * 100 + at));
    if (allow?.endsWith("\n") && !allow.includes("\\\n")) text += allow;
  }
  const half = text.indexOf("\n", text.length / 2) + 1;
  return `${text.slice(0, half)}${FILLING}${text.slice(half)}`;
}

function requestOf(seed: number): Request {
  const { pick } = seededRandom(seed);
  const address = pick(["10.0.0.1", "192.0.2.66", "2001:db8::1", UNKNOWN, "110.0.0.1", "10.1.0.1"]);
  const name = pick([
    undefined,
    UNKNOWN,
    "alpha.example",
    "shortname",
    "paranoid",
    "172.16.example",
  ]);
  return {
    daemon: pick(["nrpe", "in.nrpe", "sshd", "other", "5666", "a_b-c"]),
    client: { address, name },
    server: pick([
      { address: UNKNOWN, name: UNKNOWN },
      { address: "10.0.0.1", name: "alpha.example", port: 5666 },
    ]),
    user: pick([UNKNOWN, "root"]),
    answers: new Map(),
    pid: 1,
    resident: false,
  };
}

/** The ways to skip lines: by a search of the text, and by an index of it. */
const WAYS = [
  { way: "skipperFor()", fileOf: (text: string): FileRead => ({ kind: "text", text }) },
  {
    way: "indexTable()",
    fileOf: (text: string): FileRead => ({ kind: "text", text, skipper: indexTable(text) }),
  },
] as const;

describe.each(WAYS)("$way", ({ fileOf }) => {
  test(`passes over nothing that matches (seed ${SEED})`, () => {
    let skipped = 0;
    let found = 0;
    for (let seed = SEED; seed < SEED + CASES; seed++) {
      const file = fileOf(tableOf(seed));
      const tables: Tables = {
        allow: "allow",
        deny: "deny",
        read: (path) => path === "allow" ? file : { kind: "missing" },
      };
      const searchBoth = (request: Request, from?: SearchPlace) => {
        const every = findRule(tables, request, from, { rule: () => {} });
        const quick = findRule(tables, request, from, {
          skipped: (_, first, last) => skipped += last - first + 1,
        });
        if (!Bun.deepEquals(quick, every)) {
          expect({ seed, search: quick }).toEqual({ seed, search: every });
        }
        return every;
      };
      const request = requestOf(seed);
      let every = searchBoth(request);
      if (every.kind === "needs" && every.fact.kind === "client name") {
        const client = { ...request.client, name: "beta.example" };
        every = searchBoth({ ...request, client }, every.from);
      }
      if (every.kind === "rule") found++;
    }
    expect(skipped).toBeGreaterThan(CASES * 20);
    expect(found).toBeGreaterThan(CASES / 10);
  });

  const request: Request = {
    ...requestOf(SEED),
    daemon: "nrpe",
    client: { address: "10.0.0.1", name: UNKNOWN },
  };
  const long = "x".repeat(2100);
  test.each([
    ["a line that is too long", `nrpe: ${long}\n`, "no rule"],
    ["a comment that is too long", `#${long}\n`, "no rule"],
    ["a comment that is continued", "# x\\\n", "rule"],
    ["a line that is long, but not too long", `#${"x".repeat(2000)}\n`, "rule"],
  ])("stops at %s", (_, line, kind) => {
    for (let shift = 0; shift < 1100; shift += 50) {
      const text = `${FILLING}#${"y".repeat(shift)}\n${line}x: 10.0.0.1\nnrpe: 10.0.0.1\n`;
      const file = fileOf(text);
      const tables: Tables = { allow: "a", deny: "d", read: () => file };
      const search = findRule({ ...tables, deny: "missing" }, request, {
        table: "deny",
        offset: 0,
        line: 0,
      });
      expect(search.kind).toBe(kind === "rule" ? "rule" : "refused");
    }
  });
});
