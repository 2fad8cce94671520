import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lintName } from "../../lib/diagnose/lint/names.ts";
import { readTableFile } from "../../lib/access/table_files.ts";
import {
  CATALOGUE,
  type Example,
  type ExampleHost,
  type Row,
} from "../../lib/wrappers/lint/catalogue.ts";
import { lintTables } from "../../lib/wrappers/lint/tables.ts";
import { PARANOID, UNKNOWN } from "../../lib/wrappers/request.ts";
import { lintCodesPage } from "../../tools/lint_codes.ts";
import { peersMissing } from "../support/peers.ts";
import { BINARY, makeRoom, ROOT } from "../support/room.ts";
import { readJsonLines } from "../support/schema.ts";

const CASES: readonly (readonly [name: string, row: Row])[] = Object.entries(CATALOGUE);
const CODES = new Set(CASES.map(([name]) => codeOf(name)));

function codeOf(name: string): string {
  return name.split("/", 1)[0]!;
}

/** A finding as --json prints it. */
interface JsonFinding {
  readonly severity: string;
  readonly code: string;
  readonly message: string;
  readonly suggestion: string | null;
}

/** What a finding of a case looks like: its texts, with a value for each placeholder. */
function findingOf(name: string, { example: _, suggestion, ...message }: Row): JsonFinding {
  const [severity, text] = Object.entries(message)[0]!;
  return expect.objectContaining({
    severity,
    code: codeOf(name),
    message: expect.stringMatching(filled(text)),
    suggestion: suggestion === undefined ? null : expect.stringMatching(filled(suggestion)),
  });
}

function filled(text: string): RegExp {
  const parts = text.split(/\{\w+\}/).map((part) => part.replace(/[^\w ]/g, "\\$&"));
  return new RegExp(`^${parts.join("(?!undefined)[^{}]+")}$`);
}

function hostOf(example: Example): ExampleHost {
  return typeof example === "string" ? { allow: `${example}\n`, deny: "ALL: ALL\n" } : example;
}

/** What the checks find that need no host but the example's. */
function findInTables({ allow = "", deny = "", files = {}, zone }: ExampleHost) {
  const texts: Readonly<Record<string, string>> = { A: allow, D: deny, ...files };
  const read = (path: string) =>
    texts[path] === undefined ? readTableFile(path) : { kind: "text", text: texts[path] } as const;
  const { findings } = lintTables({ allow: "A", deny: "D", read }, {
    agent: "nrpe",
    services: () => new Set(["nrpe", "sshd"]),
    ask: (question) => question.kind !== "netgroup" && /^(root|nobody)$/.test(question.name),
    directoryExists: (path) => path === "/etc",
    ...(zone === undefined ? {} : { checkName: (name) => lintName(name, lookUp(zone, name)) }),
  });
  return findings.map(({ severity, code, message, suggestion = null }): JsonFinding => ({
    severity,
    code,
    message,
    suggestion,
  }));
}

/** Looks a name up both ways among the lines of a zone file. */
function lookUp(zone: readonly string[], name: string) {
  const values = (owner: string, type: string) =>
    zone.map((line) => line.split(" ")).flatMap(([of, kind, value = ""]) =>
      of === `${owner}.` && kind === type ? [value] : []
    );
  const addresses = values(name, "A");
  const names = addresses.map((address) => {
    const reverse = `${address.split(".").reverse().join(".")}.in-addr.arpa`;
    const known = values(reverse, "PTR")[0]?.replace(/\.$/, "");
    if (known === undefined) return UNKNOWN;
    return values(known, "A").includes(address) ? known : PARANOID;
  });
  const seconds = Number(/^; answered after (\d+) seconds$/m.exec(zone.join("\n"))?.[1] ?? 0);
  return { addresses: addresses.length === 0 ? undefined : addresses, names, seconds };
}

/** What every host has in /etc here. */
const ETC: Readonly<Record<string, string>> = {
  "/etc/passwd": "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
  "/etc/group": "root:x:0:\nusers:x:100:\nnogroup:x:65534:\n",
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
  "/etc/hosts": "127.0.0.1 localhost\n",
};

/** Covers /etc and the units of this host, and runs a command of the example's and one of ours. */
const ON_HOST = `set -e
for units in /run /usr/local/lib /usr/lib /lib; do
  test ! -d $units/systemd/system || mount -t tmpfs none $units/systemd/system
done
mount --bind "$0" /etc
eval "$1"
shift
exec "$@"
`;

/** What the agent finds on a host that has the files of the example. */
function findOnHost({ allow = "", deny = "", files, shell, options }: ExampleHost) {
  using room = makeRoom();
  const tables = { "/etc/hosts.allow": allow, "/etc/hosts.deny": deny };
  for (const [path, text] of Object.entries({ ...ETC, ...tables, ...files })) {
    mkdirSync(dirname(join(room.path, path)), { recursive: true });
    room.file(path, text);
  }
  const command = [BINARY, "--check-access", "--json", ...options?.split(" ") ?? []];
  const { stdout, stderr } = Bun.spawnSync(
    ["unshare", "-m", "sh", "-c", ON_HOST, join(room.path, "etc"), shell ?? ":", ...command],
  );
  expect(stderr.toString()).toBe("");
  const lines = stdout.toString().split("\n").slice(0, -1);
  return readJsonLines("finding", lines.join("\n")) as JsonFinding[];
}

function needsHost({ shell, options, zone }: ExampleHost): boolean {
  return zone === undefined && (shell ?? options) !== undefined;
}

describe("the catalogue of the lint", () => {
  const hosts = CASES.map(([name, row]) => [name, row, hostOf(row.example)] as const);

  test.each(hosts.filter(([, , host]) => !needsHost(host)))(
    "has an example that triggers %s",
    (name, row, host) => {
      const findings = findInTables(host);
      expect(findings).toContainEqual(findingOf(name, row));
      for (const { code } of findings) expect(CODES).toContain(code);
    },
  );

  test.skipIf(peersMissing()).each(hosts.filter(([, , host]) => needsHost(host)))(
    "has an example of a host that triggers %s",
    (name, row, host) => {
      const findings = findOnHost(host);
      expect(findings).toContainEqual(findingOf(name, row));
      for (const { code } of findings) expect(CODES).toContain(code);
    },
  );

  test.skipIf(peersMissing())("shows names that --lookup finds in /etc/hosts", () => {
    const files = { "/etc/hosts": "192.0.2.1 alpha.example mon\n" };
    const allow = "nrpe: alpha.example mon beta.example\n";
    const findings = findOnHost({ allow, deny: "ALL: ALL\n", files, options: "--lookup" });
    expect(findings.map(({ code, suggestion }) => [code, suggestion])).toEqual([
      ["name-lookup", expect.any(String)],
      ["short-name", expect.any(String)],
      ["host-alias", "write alpha.example"],
      ["unknown-host", null],
    ]);
  });

  test("is what docs/lint-codes.md says (deno task docs makes it anew)", () => {
    const page = readFileSync(join(ROOT, "docs", "lint-codes.md"), "utf8");
    expect(page).toBe(lintCodesPage());
  });
});
