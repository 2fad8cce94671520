import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { peersMissing } from "../support/peers.ts";
import { BINARY, makeRoom, ROOT } from "../support/room.ts";

/** Lines that tcpdchk has something to say of; all are for the daemon nrpe, which inetd knows. */
const LINES = [
  "nrpe: 0.0.0.0/0",
  "nrpe: 10.0.0.0/255.255.255.255",
  "nrpe: 10.0.0.1 : alow",
  "nrpe: 2001:db8::1",
  "nrpe: ANY",
  "nrpe: [10.0.0.1]",
  'nrpe: "10.0.0.1"',
  "nrpe: 10.0.0.1;10.0.0.2",
  "/usr/sbin/nrpe: ALL",
  "nrpe: 192.0.2.1 # comment",
  "nrpe: [2001:db8::/32]",
  "nrpe 10.0.0.1",
  "nrpe: foo.example.",
  "nrpe: /nosuch/file",
  "nrpe: 10.0.0.0/33",
  "nrpe: 10/8",
  "nrpe: ALL: umask 999",
  "nrpe: ALL: allow: nice",
  "zebrano: 10.0.0.1",
];

/** A network without name servers. */
const PRIVATE = `set -e
echo "hosts: files" > "$0/nsswitch"
mount --bind "$0/nsswitch" /etc/nsswitch.conf
exec "$@"
`;

/** What tcpdchk only says because the addresses here have no names. */
const ABOUT_LOOKUPS = /name lookup failed$/;

describe.skipIf(peersMissing("tcpd"))("--check-access without a client", () => {
  test("finds something wrong wherever tcpdchk does", () => {
    using room = makeRoom();
    room.file("hosts.allow", `${LINES.join("\n")}\n`);
    room.file("hosts.deny", "ALL: ALL\n");
    const inetd = room.file("inetd.conf", "5666 stream tcp nowait root /usr/sbin/tcpd nrpe\n");
    const worker = join(ROOT, "tests", "peers", "tcpdchk.ts");
    const bun = join(ROOT, "node_modules", ".bin", "bun");
    const oracle = Bun.spawnSync(
      ["unshare", "-m", "sh", "-c", PRIVATE, room.path, bun, worker, room.path, inetd],
    );
    expect(oracle.stderr.toString()).toBe("");
    const messages = JSON.parse(oracle.stdout.toString()) as readonly string[];
    const theirs = new Set(
      messages.filter((message) => !ABOUT_LOOKUPS.test(message)).flatMap((message) => {
        const line = /hosts\.allow, line (\d+)/.exec(message)?.[1];
        return line === undefined ? [] : [Number(line)];
      }),
    );
    expect(theirs.size).toBeGreaterThanOrEqual(15);

    const own = Bun.spawnSync([
      BINARY,
      "--check-access",
      "--json",
      "--hosts-allow",
      join(room.path, "hosts.allow"),
      "--hosts-deny",
      join(room.path, "hosts.deny"),
    ]);
    const found = own.stdout.toString().trim().split("\n").map((line) => JSON.parse(line));
    const lines = new Set(found.map(({ line }) => line));
    expect([...theirs].filter((line) => !lines.has(line)).map((line) => LINES[line - 1])).toEqual(
      [],
    );
    // What tcpdchk passes over: a line for each of these would be no news.
    expect(LINES.filter((_, at) => !lines.has(at + 1))).toEqual([]);
  });
});
