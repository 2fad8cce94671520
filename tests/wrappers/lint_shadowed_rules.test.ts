import { describe, expect, test } from "bun:test";
import { decide } from "../../lib/wrappers/decide.ts";
import { findRule, type Tables } from "../../lib/wrappers/find_rule.ts";
import { lintTables } from "../../lib/wrappers/lint/tables.ts";
import { type Request, UNKNOWN } from "../../lib/wrappers/request.ts";
import { seededRandom } from "../support/random.ts";

const SEED = 20261124;
const DAEMONS = ["nrpe", "sshd", "ALL", "NRPE", "nrpe@10.9.0.1", "n*e", "ALL EXCEPT sshd"];
const CLIENTS = [
  ...["ALL", "10.", "10.0.", "10.0.0.", "10.0.0.0/8", "10.0.0.0/255.255.0.0", "10.0.0.1"],
  ...["10.0.0.1/24", "10.0.0", "10.0.0.1/32", "0.0.0.0/0", "0.0.0.0/0.0.0.0", "0.0.0.0/1", "*"],
  ...["10.0.0.01", "10.0.0.256", "010.0.0.1", "[10.0.0.1]", "10.0.0.0/0.0.0.255", "10/8", "10.*."],
  ...["[2001:db8::]/32", "[2001:db8::1]", "[2001:db8::/32]", "[::]/0", "[2001:db8:1::]/129"],
  ...[".example", ".sub.example", "a.sub.example", "A.SUB.example", "a.sub.example.", "LOCAL"],
  ...["ALL@ALL", "*@*", "ALL@10.", "eve@ALL", "# ALL", "# 10.0.0.1", "SERVER_IP", "<IP>/<CIDR>"],
  ...["KNOWN", "UNKNOWN", "known@10.", "EXCEPT", "10.0.0.1;x", '"10.0.0.1"', ".*", "ANY", "here"],
];
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.1.0.1", "192.0.2.1", "2001:db8::1", "::1", UNKNOWN];
const NAMES = ["a.sub.example", "b.example", "here", UNKNOWN, "paranoid"];

const REQUESTS: readonly Request[] = ["nrpe", "sshd"].flatMap((daemon) =>
  ADDRESSES.flatMap((address) =>
    NAMES.flatMap((name) =>
      [UNKNOWN, "10.9.0.1"].map((server) => ({
        daemon,
        client: { address, name },
        server: { address: server, name: UNKNOWN },
        user: "eve",
        answers: new Map(),
        pid: 1,
        resident: false,
      }))
    )
  )
);

function tablesOf(texts: Readonly<Record<string, string>>): Tables {
  return { allow: "A", deny: "D", read: (path) => ({ kind: "text", text: texts[path]! }) };
}

function lintTexts(texts: Readonly<Record<string, string>>) {
  return lintTables(tablesOf(texts), {
    ask: () => true,
    directoryExists: () => true,
    agent: "nrpe",
    services: () => new Set(),
  }).findings;
}

async function verdict(texts: Readonly<Record<string, string>>, request: Request) {
  const { verdict } = await decide(tablesOf(texts), request, {
    lookUp: () => {
      throw new Error("nothing needs to be looked up");
    },
    run: () => "done",
  });
  return verdict;
}

describe("lintTables()", () => {
  const random = seededRandom(SEED);
  const pattern = () => {
    const words = Array.from({ length: 1 + random.below(3) }, () => random.pick(CLIENTS));
    return words.join(" ");
  };
  const table = () => {
    const lines = Array.from({ length: 1 + random.below(6) }, () => {
      const option = random.pick(["", "", "", ": deny", ": allow", ": aclexec x", ": nice 1"]);
      return `${random.pick(DAEMONS)}: ${pattern()}${option}\n`;
    });
    return lines.join("");
  };

  test("says of no grant that it changes nothing where a verdict depends on it", async () => {
    let vain = 0;
    for (let round = 0; round < 2000; round++) {
      const texts: Record<string, string> = {
        A: table(),
        D: random.pick(["", `nrpe: ${pattern()}\n`, `sshd: ${pattern()}\n`]),
      };
      for (const { code, place } of lintTexts(texts)) {
        if (code !== "nothing-denies") continue;
        vain++;
        const lines = texts["A"]!.split("\n");
        lines.splice(place!.line - 1, 1);
        const without = { ...texts, A: lines.join("\n") };
        for (const request of REQUESTS) {
          if (await verdict(texts, request) !== await verdict(without, request)) {
            throw new Error(`seed ${SEED}: line ${place!.line} of ${JSON.stringify(texts)}`);
          }
        }
      }
    }
    expect(vain).toBeGreaterThan(150);
  });

  test("calls no rule unreachable that decides, and no pattern vain that matches", () => {
    let unreachable = 0;
    for (let round = 0; round < 1500; round++) {
      const texts: Record<string, string> = { A: table(), D: table() };
      const tables = tablesOf(texts);
      const findings = lintTexts(texts);
      const deciding = new Set<string>();
      for (const request of REQUESTS) {
        const search = findRule(tables, request);
        if (search.kind === "rule") deciding.add(`${search.rule.file}:${search.rule.line}`);
      }
      for (const { code, message, file, place } of findings) {
        const where = `${file}:${place!.line}`;
        if (/^(unreachable-rule|deny-never-reached)$/.test(code)) {
          unreachable++;
          if (deciding.has(where)) {
            throw new Error(`seed ${SEED}: ${where} ${code} in ${JSON.stringify(texts)}`);
          }
        }
        const start = place!.lineStart + place!.column - 1;
        const word = texts[file]!.slice(start, start + place!.length);
        if (!/matches no client/.test(message) || !/^[^\s:]+$|^\[/.test(word)) continue;
        const alone: Record<string, string> = { A: `ALL: ${word}\n`, D: "" };
        const one = {
          ...tables,
          read: (path: string) => ({ kind: "text", text: alone[path]! }) as const,
        };
        for (const request of REQUESTS) {
          if (findRule(one, request).kind === "rule") {
            throw new Error(`seed ${SEED}: ${word} matches ${JSON.stringify(request.client)}`);
          }
        }
      }
    }
    expect(unreachable).toBeGreaterThan(1000);
  });
});
