/** Access tables in earnest: the agent alone treats clients as tcpd and the C agent do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Ident, startIdent } from "../support/ident.ts";
import { startInetd } from "../support/inetd.ts";
import { ownAddress } from "../support/loopback.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { askFrom, type BothSides, type Case, SIDES, startBothSides } from "./both_sides.ts";

/** The client whose host tells its user, by RFC 1413. */
const TELLING = ownAddress(4);

/** Clients by the address they ask from. */
const CLIENTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3", TELLING, "::1"] as const;

const CASES: Readonly<Record<string, Case>> = {
  none: {},
  address: { allow: "127.0.0.2", deny: "ALL" },
  denied: { deny: "127.0.0.2" },
  prefix: { allow: "127.0.0.", deny: "ALL" },
  net: { allow: "127.0.0.2/31", deny: "ALL" },
  mask: { allow: "127.0.0.0/255.255.255.254", deny: "ALL" },
  hostbits: { allow: "127.0.0.1/24", deny: "ALL" },
  six: { allow: "[::1]", deny: "ALL" },
  sixnet: { allow: "[::]/64", deny: "ALL" },
  name: { allow: "two.example", deny: "ALL" },
  alias: { allow: "two", deny: "ALL" },
  domain: { allow: ".example", deny: "ALL" },
  local: { allow: "LOCAL", deny: "ALL" },
  known: { allow: "KNOWN", deny: "ALL" },
  unknown: { allow: "UNKNOWN", deny: "ALL" },
  paranoid: { deny: "PARANOID" },
  except: { allow: "ALL EXCEPT 127.0.0.2 127.0.0.3", deny: "ALL" },
  wildcard: { allow: "127.0.?.[2] 127.*.3", deny: "ALL" },
  file: { allow: "@DIR@/clients", deny: "ALL" },
  user: { allow: "ALL EXCEPT KNOWN@ALL", deny: "ALL" },
  alice: { allow: "alice@ALL", deny: "ALL" },
  bob: { allow: "bob@ALL", deny: "ALL" },
  userletter: { allow: "ALL: spawn echo %u %c >> @NAME@.spawned" },
  server: { allow: "127.0.0.2", deny: "ALL EXCEPT [::1]" },
  optiondeny: { allow: "127.0.0.2: deny" },
  optionallow: { deny: "127.0.0.2: allow" },
  bogus: { allow: "127.0.0.2: bogus" },
  severity: { allow: "127.0.0.2: severity local1.notice", deny: "ALL: severity auth.alert" },
  spawn: {
    allow: "ALL: spawn echo %a %c %d %h %n %s %A %H %N %u %% >> @NAME@.spawned",
    deny: "ALL",
  },
  spawnrefused: { deny: "127.0.0.2: spawn echo refused %h >> @NAME@.spawned" },
  aclexec: { allow: "ALL: aclexec test %a = 127.0.0.2", deny: "ALL" },
  aclexecdeny: { deny: "ALL: aclexec test %a = 127.0.0.2" },
  setenv: { allow: "ALL: setenv GREETING hello %a" },
  umask: { allow: "ALL: umask 027" },
  nice: { allow: "ALL: nice 7" },
  nicewrong: { allow: "ALL: nice -5" },
  keepalive: { allow: "ALL: keepalive: linger 3" },
  banners: { deny: "127.0.0.2: banners @DIR@/banners" },
  twist: { deny: "127.0.0.2: twist echo twisted %a; id -un" },
  rfc931: { allow: "ALL: rfc931 1" },
  syntax: { allow: "127.0.0.2: nice x", deny: "ALL: ALL" },
  useroption: { allow: "127.0.0.2: user nagios" },
  twooptions: { allow: "127.0.0.2: umask 077: nice 3: allow" },
};

const NAMES = Object.keys(CASES);

const missing = peersMissing("agent", "inetd", "tcpd");

describe.skipIf(missing)("access tables", () => {
  let room: Room;
  let both: BothSides;
  let ident: Ident;

  beforeAll(async () => {
    room = makeRoom();
    both = await startBothSides(room, CASES, { kind: "inetd", dual: false });
    ident = await startIdent(TELLING, "alice");
  });

  afterAll(async () => {
    await ident?.[Symbol.asyncDispose]();
    await both?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  test.concurrent.each(NAMES.flatMap((name) => CLIENTS.map((client) => [name, client] as const)))(
    "treats the case %s of client %s as tcpd does",
    async (name, client) => {
      const [theirs, ours] = await Promise.all(
        SIDES.map((side) => both.ask(side, name, client)),
      ) as [string, string];
      expect(ours).toBe(theirs);
    },
  );

  test.each(["spawn", "spawnrefused", "userletter"])(
    "runs the commands of %s as tcpd does",
    (name) => {
      expect(both.spawned("nrpe", name)).toEqual(both.spawned("tcpd", name));
      expect(both.spawned("nrpe", name).length).toBeGreaterThan(0);
    },
  );

  test.each(
    [
      ["address", "127.0.0.2"],
      ["address", "127.0.0.3"],
      ["name", "127.0.0.2"],
      ["paranoid", "127.0.0.1"],
      ["severity", "127.0.0.2"],
      ["severity", "127.0.0.3"],
      ["bogus", "127.0.0.2"],
      ["twist", "127.0.0.2"],
      ["hostbits", "::1"],
    ] as const,
  )("logs the case %s of client %s with tcpd's words and priority", async (name, client) => {
    const theirs = await both.logged("tcpd", name, client);
    expect(await both.logged("nrpe", name, client)).toEqual(theirs);
  });
});

describe.skipIf(missing)("a name server that does not answer", () => {
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
