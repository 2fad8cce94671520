/**
 * Access tables in earnest: the C agent behind tcpd, and the agent alone, under one inetd with the
 * same tables, asked by the same clients.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, symlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { type Inetd, type Service, startInetd } from "../lab/inetd.ts";
import { PEERS, peersMissing } from "../lab/peers.ts";
import { makeRoom, type Room } from "../lab/room.ts";

/** Clients by the address they ask from. */
const CLIENTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "::1"] as const;

/** The client whose host tells its user, by RFC 1413. */
const TELLING = "127.0.0.4";

const HOSTS = `127.0.0.1 localhost
127.0.0.2 two.example two
127.0.0.3 false.example
127.0.0.9 false.example
::1 six.example
`;

/** A case: what stands behind its service's name in hosts.allow and in hosts.deny. */
interface Case {
  readonly allow?: string;
  readonly deny?: string;
}

/** In a value, `@DIR@` is the test's directory, and `@NAME@` the side's own file in it. */
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

/** What a client got: the text of the response, or the bytes of something else. */
async function ask(port: number, from: string): Promise<string> {
  const query = encodeQuery({ version: 4, text: "x" });
  const { promise, resolve } = Promise.withResolvers<string>();
  const parts: Buffer[] = [];
  const socket = connect({ port, host: from === "::1" ? "::1" : "127.0.0.1", localAddress: from });
  socket.on("connect", () => socket.write(query));
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => {});
  socket.on("close", () => resolve(Buffer.concat(parts).toString("latin1").slice(0)));
  const answer = await promise;
  return answer.startsWith("\0\x04\0\x02") ? `answer: ${answer.slice(16)}` : answer;
}

const missing = peersMissing("agent", "inetd", "tcpd");

describe.skipIf(missing)("access tables", () => {
  let room: Room;
  let inetd: Inetd;
  let ident: Server;
  const ports = new Map<string, number>();

  const sides = ["tcpd", "nrpe"] as const;
  type Side = (typeof sides)[number];
  const portOf = (side: Side, name: string, client: string) =>
    ports.get(`${side} ${name} ${client === "::1" ? 6 : 4}`)!;

  beforeAll(async () => {
    room = makeRoom();
    room.file("clients", "127.0.0.1 .example\n");
    Bun.spawnSync(["mkdir", "-p", join(room.path, "banners")]);
    const config = room.file(
      "nrpe.cfg",
      'command[x]=echo "$$GREETING umask `umask` nice `nice` user `id -un`"\n',
    );
    const tables = { allow: "", deny: "" };
    const services: Service[] = [];
    const keys: string[] = [];
    for (const [name, entry] of Object.entries(CASES)) {
      room.file(`banners/${name}.tcpd`, "Go away, %c\nat %a\n");
      room.file(`banners/${name}.nrpe`, "Go away, %c\nat %a\n");
      for (const side of sides) {
        const daemon = `${name}.${side}`;
        room.file(`${daemon}.spawned`, "", 0o666);
        for (const table of ["allow", "deny"] as const) {
          const text = entry[table]?.replaceAll("@DIR@", room.path)
            .replaceAll("@NAME@", join(room.path, daemon));
          if (text !== undefined) tables[table] += `${daemon}: ${text}\n`;
        }
        const argv0 = side === "tcpd" ? join(room.path, daemon) : daemon;
        if (side === "tcpd") symlinkSync(PEERS.agent.path, argv0);
        for (const family of [4, 6] as const) {
          services.push({
            user: "nagios",
            program: side === "tcpd" ? PEERS.tcpd.path : room.binary,
            argv: [argv0, "-n", "-c", config, "--inetd"],
            family,
          });
          keys.push(`${side} ${name} ${family}`);
        }
      }
    }
    inetd = await startInetd(room, services, {
      files: {
        "/etc/hosts.allow": tables.allow,
        "/etc/hosts.deny": tables.deny,
        "/etc/hosts": HOSTS,
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
      },
    });
    keys.forEach((key, at) => ports.set(key, inetd.ports[at]!));
    ident = createServer((socket) => {
      socket.on("error", () => {});
      socket.on(
        "data",
        (query) => socket.end(`${String(query).trim()} : USERID : UNIX : alice\r\n`),
      );
    });
    await new Promise<void>((listening) => ident.listen(113, TELLING, listening));
  });

  afterAll(async () => {
    ident?.close();
    await inetd?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  test.concurrent.each(NAMES.flatMap((name) => CLIENTS.map((client) => [name, client] as const)))(
    "treats the case %s of client %s as tcpd does",
    async (name, client) => {
      const [theirs, ours] = await Promise.all(
        sides.map((side) => ask(portOf(side, name, client), client)),
      ) as [string, string];
      expect(ours).toBe(theirs);
    },
  );

  test.each(["spawn", "spawnrefused", "userletter"])(
    "runs the commands of %s as tcpd does",
    (name) => {
      const lines = (side: Side) =>
        readFileSync(join(room.path, `${name}.${side}.spawned`), "latin1").trimEnd().split("\n")
          .map((line) => line.replaceAll(`${name}.${side}`, name)).sort();
      expect(lines("nrpe")).toEqual(lines("tcpd"));
      expect(lines("nrpe").length).toBeGreaterThan(0);
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
    const logged: Partial<Record<Side, object[]>> = {};
    for (const side of sides) {
      inetd.syslog.take();
      await ask(portOf(side, name, client), client);
      const lines = await inetd.syslog.until(/: (refused )?connect from |: twist /);
      logged[side] = lines.map(({ facility, severity, text }) => ({
        facility,
        severity,
        text: text.replace(/^[^:]*: /, "").replaceAll(`${name}.${side}`, name)
          .replace(/line \d+/, "line N"),
      })).filter(({ text }) => /connect from|twist|^warning: |^error: /.test(text));
    }
    expect(logged.nrpe).toEqual(logged.tcpd!);
  });
});

describe.skipIf(missing)("a name server that does not answer", () => {
  const SILENT = "127.0.0.99";

  test("costs a decision its time limit, and rules by address nothing", async () => {
    using room = makeRoom();
    const silent = await Bun.udpSocket({ hostname: SILENT, port: 53 });
    using _ = { [Symbol.dispose]: () => silent.close() };
    const config = room.file("nrpe.cfg", "command[x]=/bin/echo hello\n");
    const service = (name: string) => ({
      user: "nagios",
      program: room.binary,
      argv: [name, "-n", "-c", config, "--inetd"],
    });
    await using inetd = await startInetd(room, [service("byname"), service("byaddress")], {
      files: {
        "/etc/hosts.allow": "byname: .example\nbyaddress: 127.0.0.1 .example\n",
        "/etc/hosts.deny": "ALL: ALL\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: dns\n",
        "/etc/resolv.conf": `nameserver ${SILENT}\n`,
      },
    });
    const [byName, byAddress] = inetd.ports as [number, number];
    expect(await ask(byAddress, "127.0.0.1")).toBe("answer: hello\0");
    expect(await ask(byName, "127.0.0.1")).toBe("");
    const lines = inetd.syslog.take().filter(({ text }) => text.startsWith("nrpe["))
      .map(({ text }) => text.replace(/^[^:]*: /, ""));
    expect(lines).toEqual([
      "connect from 127.0.0.1 (127.0.0.1)",
      "warning: 127.0.0.1: the name service did not answer within 5 seconds",
      "refused connect from 127.0.0.1 (127.0.0.1)",
    ]);
  });
});
