/**
 * The agent alone treats clients as tcpd and the C agent do, by the same access tables: at sockets of
 * one family each, and at one of IPv6 that takes both, where IPv4 clients have addresses such as
 * ::ffff:127.0.0.1 (RFC 4291, 2.5.5.2).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Ident, startIdent } from "../support/ident.ts";
import { startInetd } from "../support/inetd.ts";
import { ownAddress } from "../support/loopback.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { askFrom, type BothSides, type Case, SIDES, startBothSides } from "./both_sides.ts";

/** The client whose host names the user of a connection, by RFC 1413. */
const IDENTIFIED = ownAddress(4);

/** What clients connect to, and the addresses they ask from. */
const SOCKETS = [
  [
    "sockets of one family each",
    { kind: "inetd", dual: false },
    ["127.0.0.1", "127.0.0.2", "127.0.0.3", IDENTIFIED, "::1"],
  ],
  [
    "a socket of both families",
    { kind: "xinetd", dual: true },
    ["127.0.0.1", "127.0.0.2", "::1"],
  ],
] as const;

const CASES: Readonly<Record<string, Case>> = {
  none: {},
  // Patterns of hosts_access(5).
  address: { allow: "127.0.0.2", deny: "ALL" },
  denied: { deny: "127.0.0.2" },
  prefix: { allow: "127.0.0.", deny: "ALL" },
  shortprefix: { allow: "127.0.", deny: "ALL" },
  net: { allow: "127.0.0.2/31", deny: "ALL" },
  mask: { allow: "127.0.0.0/255.255.255.254", deny: "ALL" },
  hostbits: { allow: "127.0.0.1/24", deny: "ALL" },
  bracketed: { allow: "[127.0.0.2]", deny: "ALL" },
  wildcard: { allow: "127.0.?.[2] 127.*.3", deny: "ALL" },
  star: { allow: "127.0.*.2", deny: "ALL" },
  six: { allow: "[::1]", deny: "ALL" },
  sixdenied: { deny: "[::1]" },
  sixnet: { allow: "[::]/64", deny: "ALL" },
  allsix: { allow: "[::]/0", deny: "ALL" },
  both: { allow: "127.0.0.2 [::1]", deny: "ALL" },
  mapped: { allow: "[::ffff:127.0.0.2]", deny: "ALL" },
  mappedhex: { allow: "[::ffff:7f00:2]", deny: "ALL" },
  mappeddenied: { deny: "[::ffff:127.0.0.2]" },
  mappedbare: { allow: "::ffff:127.0.0.2", deny: "ALL" },
  mappednet: { allow: "[::ffff:127.0.0.0]/120", deny: "ALL" },
  allmapped: { allow: "[::ffff:0:0]/96", deny: "ALL" },
  name: { allow: "two.example", deny: "ALL" },
  alias: { allow: "two", deny: "ALL" },
  domain: { allow: ".example", deny: "ALL" },
  local: { allow: "LOCAL", deny: "ALL" },
  known: { allow: "KNOWN", deny: "ALL" },
  unknown: { allow: "UNKNOWN", deny: "ALL" },
  paranoid: { deny: "PARANOID" },
  file: { allow: "@DIR@/clients", deny: "ALL" },
  except: { allow: "ALL EXCEPT 127.0.0.2", deny: "ALL" },
  excepttwo: { allow: "ALL EXCEPT 127.0.0.2 127.0.0.3", deny: "ALL" },
  exceptnet: { allow: "ALL EXCEPT 127.0.0.2/31", deny: "ALL" },
  exceptprefix: { allow: "ALL EXCEPT 127.0.", deny: "ALL" },
  exceptmapped: { allow: "ALL EXCEPT [::ffff:127.0.0.2]", deny: "ALL" },
  exceptallmapped: { allow: "ALL EXCEPT [::ffff:0:0]/96", deny: "ALL" },
  exceptsix: { allow: "ALL EXCEPT [::1]", deny: "ALL" },
  exceptwithin: { allow: "127.0. EXCEPT 127.0.0.2", deny: "ALL" },
  exceptdenied: { deny: "ALL EXCEPT 127.0.0.2 [::1]" },
  exceptsixdenied: { allow: "127.0.0.2", deny: "ALL EXCEPT [::1]" },
  user: { allow: "ALL EXCEPT KNOWN@ALL", deny: "ALL" },
  alice: { allow: "alice@ALL", deny: "ALL" },
  bob: { allow: "bob@ALL", deny: "ALL" },
  server: { server: "127.0.0.1", deny: "ALL" },
  serversix: { server: "[::1]", deny: "ALL" },
  servermapped: { server: "[::ffff:127.0.0.1]", deny: "ALL" },
  // Options and expansions of hosts_options(5).
  optiondeny: { allow: "127.0.0.2: deny" },
  optionallow: { deny: "127.0.0.2: allow" },
  bogus: { allow: "127.0.0.2: bogus" },
  syntax: { allow: "127.0.0.2: nice x", deny: "ALL: ALL" },
  severity: { allow: "127.0.0.2: severity local1.notice", deny: "ALL: severity auth.alert" },
  spawn: {
    allow: "ALL: spawn echo %a %c %d %h %n %s %A %H %N %u %% >> @NAME@.spawned",
    deny: "ALL",
  },
  spawnmatched: {
    allow: "127.0. [::1]: spawn echo %a %c %d %h %n %s %A %H %N %u %% >> @NAME@.spawned",
    deny: "ALL",
  },
  spawnrefused: { deny: "127.0.0.2: spawn echo refused %h %c >> @NAME@.spawned" },
  spawnuser: { allow: "ALL: spawn echo %u %c >> @NAME@.spawned" },
  aclexec: { allow: "ALL: aclexec test %a = 127.0.0.2", deny: "ALL" },
  aclexecdeny: { deny: "ALL: aclexec test %a = 127.0.0.2" },
  setenv: { allow: "ALL: setenv GREETING hello %a at %A" },
  umask: { allow: "ALL: umask 027" },
  nice: { allow: "ALL: nice 7" },
  nicewrong: { allow: "ALL: nice -5" },
  keepalive: { allow: "ALL: keepalive: linger 3" },
  banners: { deny: "127.0.0.2: banners @DIR@/banners" },
  twist: { deny: "127.0.0.2: twist echo twisted %a %A; id -un" },
  rfc931: { allow: "ALL: rfc931 1" },
  useroption: { allow: "127.0.0.2: user nagios" },
  twooptions: { allow: "127.0.0.2: umask 077: nice 3: allow" },
};

const missing = peersMissing("agent", "tcpd");

describe.each(SOCKETS)("at %s", (_, sockets, clients) => {
  describe.skipIf(missing || peersMissing(sockets.kind))("the agent", () => {
    let room: Room;
    let both: BothSides;
    let ident: Ident;

    beforeAll(async () => {
      room = makeRoom();
      both = await startBothSides(room, CASES, sockets);
      ident = await startIdent(IDENTIFIED, "alice");
    });

    afterAll(async () => {
      await ident?.[Symbol.asyncDispose]();
      await both?.[Symbol.asyncDispose]();
      room?.[Symbol.dispose]();
    });

    test.concurrent.each(Object.entries(CASES))(
      "treats every client of the case %s as tcpd does",
      async (name, { allow = "", deny = "" }) => {
        const [theirs, ours] = await Promise.all(SIDES.map(async (side) => {
          const answers = await Promise.all(
            clients.map(async (client) => [client, await both.ask(side, name, client)] as const),
          );
          return { answers: Object.fromEntries(answers), spawned: both.spawned(side, name) };
        })) as [Treatment, Treatment];
        expect(ours).toEqual(theirs);
        expect(ours.spawned.length > 0).toBe(/spawn/.test(allow + deny));
      },
    );

    test.each(
      [
        ["none", "127.0.0.1"],
        ["address", "127.0.0.2"],
        ["address", "127.0.0.3"],
        ["address", "::1"],
        ["net", "127.0.0.1"],
        ["hostbits", "::1"],
        ["mappednet", "127.0.0.2"],
        ["name", "127.0.0.2"],
        ["paranoid", "127.0.0.1"],
        ["paranoid", "127.0.0.3"],
        ["alice", IDENTIFIED],
        ["alice", "127.0.0.1"],
        ["bogus", "127.0.0.2"],
        ["severity", "127.0.0.1"],
        ["severity", "127.0.0.2"],
        ["severity", "127.0.0.3"],
        ["twist", "127.0.0.2"],
      ] as const,
    )("logs the case %s of client %s with tcpd's words and priority", async (name, client) => {
      const theirs = await both.logged("tcpd", name, client);
      expect(await both.logged("nrpe", name, client)).toEqual(theirs);
    });

    test.each(["mapped", "exceptmapped"])(
      "logs the case %s with tcpd's words, but looks up no name that cannot match",
      async (name) => {
        const theirs = await both.logged("tcpd", name, "127.0.0.2");
        const ours = await both.logged("nrpe", name, "127.0.0.2");
        expect(theirs).toHaveLength(1);
        expect(ours).toEqual(
          theirs.map((line) => ({ ...line, text: line.text.replace("two.example", "127.0.0.2") })),
        );
      },
    );
  });
});

/** What a side did for the clients of a case. */
interface Treatment {
  readonly answers: Readonly<Record<string, string>>;
  readonly spawned: readonly string[];
}

describe.skipIf(missing || peersMissing("inetd"))("a name server that does not answer", () => {
  const SILENT = ownAddress(99);

  test("costs a decision its time limit, and rules by address nothing", async () => {
    using room = makeRoom();
    const silent = await Bun.udpSocket({ hostname: SILENT, port: 53 });
    using _ = { [Symbol.dispose]: () => silent.close() };
    const service = (name: string) => {
      const text = `daemon_name=${name}\ncommand[x]=/bin/echo hello\n`;
      const config = room.file(`${name}.cfg`, text);
      return {
        user: "nagios",
        program: room.binary,
        argv: ["nrpe", "-n", "-c", config, "--inetd"],
      };
    };
    await using inetd = await startInetd(room, [service("byname"), service("byaddress")], {
      files: {
        "/etc/hosts.allow": "byname: .example\nbyaddress: 127.0.0.1 .example\n",
        "/etc/hosts.deny": "ALL: ALL\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: dns\n",
        "/etc/resolv.conf": `nameserver ${SILENT}\n`,
      },
    });
    const [byName, byAddress] = inetd.ports as [number, number];
    expect(await askFrom(byAddress, "127.0.0.1")).toBe("answer: hello\0");
    expect(await askFrom(byName, "127.0.0.1")).toBe("");
    const lines = inetd.syslog.take().filter(({ text }) => text.startsWith("nrpe["))
      .map(({ text }) => text.replace(/^[^:]*: /, ""));
    expect(lines).toEqual([
      "connect from 127.0.0.1 (127.0.0.1)",
      "warning: 127.0.0.1: the name service did not answer within 5 seconds",
      "refused connect from 127.0.0.1 (127.0.0.1)",
    ]);
  });
});
