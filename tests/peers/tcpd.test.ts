/**
 * This file by the name tcpd, and with --wrap, beside Debian's tcpd: the same services, tables and
 * clients under one inetd.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { join } from "node:path";
import { type Inetd, type Service, startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import type { SyslogLine } from "../support/syslog.ts";
import { waitUntil } from "../support/wait_until.ts";

const HOSTS = `127.0.0.1 localhost
127.0.0.2 two.example two
127.0.0.3 false.example
127.0.0.9 false.example
`;

/** What a service sees: arguments, ids, umask, nice value, environment, descriptors, signals, limits. */
const REPORT = `#!/bin/sh
echo "args: $*"
echo "ids: $(id -u) $(id -g) $(id -G)"
echo "umask: $(umask) nice: $(nice) files: $(ulimit -n) cwd: $(pwd)"
tr '\\0' '\\n' < /proc/$$/environ
for fd in 0 1 2; do readlink /proc/$$/fd/$fd | sed 's/[0-9]//g'; done
set -- /proc/$$/fd/*
echo "descriptors: $*" | sed "s/$$//g"
while read -r name value; do
  case $name in SigBlk:|SigIgn:) echo "$name $value" ;; esac
done < /proc/$$/status
echo "end"
`;

/** For a datagram, of which a shell reads the first byte alone. */
const DATAGRAM_REPORT = `${REPORT.replace("\n", '\nread -r line\nexec >> "$0.report" 2>&1\n')}`;

const SOCKET_OPTIONS = `#!/bin/sh
exec perl -MSocket -e '
  for (SO_KEEPALIVE, SO_LINGER) { print join(" ", unpack("i*", getsockopt(STDIN, SOL_SOCKET, $_))), "\\n" }'
`;

/** A case: what follows its service's name in hosts.allow and in hosts.deny. */
interface Case {
  readonly allow?: string;
  readonly deny?: string;
  readonly user?: string;
  readonly args?: string;
  /** What is started instead of the script that reports: `@NAME@` is the service's path. */
  readonly program?: "socket options" | "argv" | "missing" | "below /usr/sbin";
  /** The clients of a stream; {@link CLIENTS} where they are not given. */
  readonly clients?: readonly string[];
  /** The clients whose datagrams start it, one after the other. */
  readonly datagrams?: readonly string[];
}

const STREAMS: Readonly<Record<string, Case>> = {
  none: {},
  nonebyuser: { user: "nagios" },
  arguments: { args: "-a --wrap -- --look-up é %h $HOME 'x" },
  argv: { program: "argv", args: "/proc/self/cmdline" },
  missing: { program: "missing", args: "x" },
  missingdenied: { program: "missing", deny: "127.0.0.2" },
  below: { program: "below /usr/sbin", args: "x" },
  address: { allow: "127.0.0.2", deny: "ALL" },
  addressbyuser: { allow: "127.0.0.2", deny: "ALL", user: "nagios" },
  denied: { deny: "127.0.0.2" },
  net: { allow: "127.0.0.2/31", deny: "ALL" },
  hostbits: { allow: "127.0.0.1/24", deny: "ALL" },
  name: { allow: "two.example", deny: "ALL" },
  domain: { deny: ".example" },
  paranoid: { deny: "PARANOID", clients: ["127.0.0.2", "127.0.0.3"] },
  except: { allow: "ALL EXCEPT 127.0.0.2", deny: "ALL" },
  bogus: { allow: "127.0.0.2: bogus" },
  syntax: { allow: "127.0.0.2: nice x", deny: "ALL: ALL" },
  optiondeny: { allow: "127.0.0.2: deny" },
  optionallow: { deny: "127.0.0.2: allow" },
  severity: { allow: "127.0.0.2: severity local1.notice", deny: "ALL: severity auth.alert" },
  setenv: {
    allow: "ALL: setenv GREETING hello %a at %A: setenv GREETING %d, %c: setenv PATH /bin",
  },
  setenvbyuser: { allow: "ALL: setenv GREETING %a", user: "nagios" },
  umask: { allow: "ALL: umask 027" },
  umaskbyuser: { allow: "ALL: umask 0", user: "nagios" },
  nice: { allow: "ALL: nice 7: nice" },
  lessnice: { allow: "ALL: nice -5" },
  lessnicebyuser: { allow: "ALL: nice -5", user: "nagios" },
  sockets: { program: "socket options", allow: "127.0.0.2: keepalive: linger 3" },
  banners: { deny: "127.0.0.2: banners @DIR@/banners", allow: "127.0.0.1: banners @DIR@/banners" },
  spawn: {
    allow: "ALL: setenv X y: spawn echo $X %a %c %d %h %n %s %A %H %N %u %% >> @NAME@.spawned",
  },
  spawndenied: { deny: "127.0.0.2: spawn id -un >> @NAME@.spawned", user: "nagios" },
  aclexec: { allow: "ALL: aclexec test %a = 127.0.0.2", deny: "ALL" },
  aclexecdeny: { deny: "ALL: aclexec test %a = 127.0.0.2" },
  twist: {
    allow:
      "127.0.0.2: setenv X y: twist echo twisted %a $X; id -un; umask; readlink /proc/self/fd/1 | tr -d 0-9",
  },
  twistbyuser: { deny: "ALL: twist id -un", user: "nagios" },
  rfc931: { allow: "ALL: rfc931 1: setenv WHO %u" },
  together: { allow: "127.0.0.2: umask 077: nice 3: severity mail.info: setenv A b: allow" },
};

const DATAGRAMS: Readonly<Record<string, Case>> = {
  granted: { datagrams: ["127.0.0.1"], args: "x y" },
  grantedbyuser: { datagrams: ["127.0.0.1"], user: "nagios" },
  refusedfirst: { datagrams: ["127.0.0.2", "127.0.0.1"], allow: "127.0.0.1", deny: "ALL" },
  refusedbyuser: { datagrams: ["127.0.0.2", "127.0.0.1"], deny: "127.0.0.2", user: "nagios" },
  byname: { datagrams: ["127.0.0.3", "127.0.0.2"], allow: "two.example", deny: "ALL" },
  user: { datagrams: ["127.0.0.1"], allow: "ALL: rfc931: setenv WHO %u at %a and %A" },
  options: {
    datagrams: ["127.0.0.2"],
    allow: "ALL: umask 7: nice 3: keepalive: severity local2.info",
  },
  bannerdenied: { datagrams: ["127.0.0.2", "127.0.0.1"], deny: "127.0.0.2: banners @DIR@/banners" },
  datagramspawn: { datagrams: ["127.0.0.2"], allow: "ALL: spawn echo %a %c %s >> @NAME@.spawned" },
  datagramtwist: {
    datagrams: ["127.0.0.2"],
    allow: "ALL: twist read -r line; echo %a >> @NAME@.spawned",
  },
  gone: { datagrams: ["127.0.0.1", "127.0.0.2"], program: "missing" },
};

/** Options that do nothing under Debian's tcpd, and that do what hosts_options(5) says under this one. */
const AS_THE_MANUAL_SAYS: Readonly<Record<string, Case>> = {
  useroption: { allow: "ALL: user nagios" },
  usergroup: { allow: "ALL: user nagios.daemon" },
  groupoption: { allow: "ALL: group daemon" },
  useroptionbyuser: { allow: "ALL: user root", user: "nagios" },
};

const CASES = { ...STREAMS, ...DATAGRAMS, ...AS_THE_MANUAL_SAYS };
const CLIENTS = ["127.0.0.1", "127.0.0.2"];
/** --wrap has no directory of its own, and passes argv[0] on as it is given. */
const WITHOUT_WRAP: readonly Case["program"][] = ["below /usr/sbin", "argv"];
const SIDES = ["debian", "tcpd", "wrap"] as const;
type Side = (typeof SIDES)[number];

const missing = peersMissing("tcpd", "inetd");

describe.skipIf(missing)("a service", () => {
  let room: Room;
  let inetd: Inetd;
  const ports = new Map<string, number>();
  const lines: SyslogLine[] = [];

  beforeAll(async () => {
    room = makeRoom();
    const services: Service[] = [];
    const keys: string[] = [];
    const tables = { allow: "", deny: "" };
    linkSync(room.binary, join(room.path, "tcpd"));
    mkdirSync(join(room.path, "banners"));
    for (const [name, entry] of Object.entries(CASES)) {
      for (const side of SIDES) {
        const daemon = `${name}.${side}`;
        const path = prepare(entry, daemon);
        for (const table of ["allow", "deny"] as const) {
          const text = entry[table]?.replaceAll("@DIR@", room.path).replaceAll("@NAME@", path);
          if (text !== undefined) tables[table] += `${daemon}: ${text}\n`;
        }
        const args = entry.args?.split(" ") ?? [];
        const byTcpd = entry.program === "below /usr/sbin" ? daemon : path;
        const argv = side === "wrap" ? ["nrpe", "--wrap", path, ...args] : [byTcpd, ...args];
        const program = {
          debian: PEERS.tcpd.path,
          tcpd: join(room.path, "tcpd"),
          wrap: room.binary,
        }[side];
        const { user = "root", datagrams } = entry;
        services.push({ user, program, argv, datagrams: datagrams !== undefined });
        keys.push(daemon);
      }
    }
    inetd = await startInetd(room, services, {
      openFiles: 2000,
      env: { GREETING: "\xe9", BUN_JSC_useJIT: "1", EMPTY: "", LISTEN_FDS: "1", LISTEN_PID: "1" },
      files: {
        "/etc/hosts.allow": tables.allow,
        "/etc/hosts.deny": tables.deny,
        "/etc/hosts": HOSTS,
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
      },
    });
    keys.forEach((key, at) => ports.set(key, inetd.ports[at]!));
  });

  afterAll(async () => {
    await inetd?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  /** Makes the files of a service, and returns its path. */
  function prepare({ program, datagrams }: Case, daemon: string): string {
    room.file(`banners/${daemon}`, "Hello, %c\nat %a\n");
    room.file(`${daemon}.spawned`, "", 0o666);
    room.file(`${daemon}.report`, "", 0o666);
    if (program === "missing" || program === "below /usr/sbin") {
      return join(room.path, "none", daemon);
    }
    if (program === "argv") {
      symlinkSync("/bin/cat", join(room.path, daemon));
      return join(room.path, daemon);
    }
    const script = program === "socket options"
      ? SOCKET_OPTIONS
      : datagrams === undefined
      ? REPORT
      : DATAGRAM_REPORT;
    return room.file(daemon, script, 0o755);
  }

  // Debian's holds those that it refuses, so many ask it at once. The syslog of the tests is too slow for
  // the lines of as many of ours, which do not wait for it.
  let turn: Promise<unknown> = Promise.resolve();

  /** What a client of a stream gets. */
  function ask(daemon: string, client: string): Promise<string> {
    if (daemon.endsWith(".debian")) return askNow(daemon, client);
    const answer = turn.then(() => askNow(daemon, client));
    turn = answer;
    return answer;
  }

  async function askNow(daemon: string, client: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const parts: Buffer[] = [];
    const address = { port: ports.get(daemon)!, host: "127.0.0.1", localAddress: client };
    const socket = connect({ ...address, allowHalfOpen: true });
    // A client that is refused, and has nothing to say, is not waited for.
    socket.on("connect", () => socket.end());
    socket.on("end", () => socket.destroy());
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("error", () => {});
    socket.on("close", () => resolve(Buffer.concat(parts).toString("latin1")));
    return await promise;
  }

  /** Sends the datagrams of a case, and waits until each has been decided about. */
  async function sendAll(daemon: string, clients: readonly string[]): Promise<void> {
    for (const [at, client] of clients.entries()) {
      const socket = createSocket("udp4");
      await new Promise<void>((resolve) => socket.bind(0, client, resolve));
      await new Promise((resolve) => socket.send("\n", ports.get(daemon)!, "127.0.0.1", resolve));
      await waitUntil(`${daemon} decides about ${client}`, () => decisionsOf(daemon) > at);
      socket.close();
    }
    const fails = () => linesOf(daemon).filter(({ text }) => text.includes("cannot execute"));
    await waitUntil(
      `${daemon} has ended`,
      () =>
        file(`${daemon}.report`).endsWith("end\n") || fails().length === clients.length ||
        (linesOf(daemon).some(({ text }) => text.includes(": twist ")) &&
          file(`${daemon}.spawned`) !== ""),
    );
  }

  const linesOf = (daemon: string) => {
    lines.push(...inetd.syslog.take());
    return lines.filter(({ text }) => text.startsWith(`${daemon}[`));
  };
  const decisionsOf = (daemon: string) =>
    linesOf(daemon).filter(({ text }) => /connect from|: twist /.test(text)).length;
  const file = (name: string) => {
    const path = join(room.path, name);
    return existsSync(path) ? readFileSync(path, "latin1") : "";
  };

  /** All that a side does, in a form that the sides have in common. */
  async function treatment(side: Side, name: string, { datagrams, clients = CLIENTS }: Case) {
    const daemon = `${name}.${side}`;
    const common = (text: string) => text.replaceAll(daemon, name);
    const answers: Record<string, readonly string[]> = {};
    if (datagrams !== undefined) await sendAll(daemon, datagrams);
    else {
      await Promise.all(clients.map(async (client) => {
        answers[client] = common(await ask(daemon, client)).split("\n");
      }));
      await waitUntil(`${daemon} has logged all`, () => decisionsOf(daemon) >= clients.length);
    }
    // This one has no such lines.
    const said = linesOf(daemon).filter(({ text }) => !/aclexec returned |nice\(-5\)/.test(text));
    const logged = said.map(({ facility, severity, text }) => {
      const message = text.replace(/^[^:]*: /, "").replace(/line \d+/, "line N");
      return `${facility}.${severity} ${common(message)}`;
    });
    return {
      answers,
      report: common(file(`${daemon}.report`)).split("\n"),
      spawned: common(file(`${daemon}.spawned`)).split("\n").sort(),
      logged: datagrams === undefined ? logged.sort() : logged,
    };
  }

  test.concurrent.each(Object.entries({ ...STREAMS, ...DATAGRAMS }))(
    "of the case %s is treated as by tcpd",
    async (name, entry) => {
      const [debian, tcpd, wrap] = await Promise.all(
        SIDES.map((side) => treatment(side, name, entry)),
      );
      expect(tcpd).toEqual(debian!);
      if (!WITHOUT_WRAP.includes(entry.program)) expect(wrap).toEqual(debian!);
      if (entry.datagrams !== undefined) expect(debian!.logged.length).toBeGreaterThan(0);
    },
  );

  test("that --wrap starts has PROGRAM as its argv[0]", async () => {
    const answer = await ask("argv.wrap", "127.0.0.1");
    expect(answer).toBe(`${join(room.path, "argv.wrap")}\0/proc/self/cmdline\0`);
  });

  test.each(
    [
      ["useroption", "nagios", "nagios"],
      ["usergroup", "nagios", "daemon"],
      ["groupoption", "root", "daemon"],
    ] as const,
  )(
    "of the case %s gets the user and the group that the manual says",
    async (name, user, group) => {
      const id = (...args: readonly string[]) =>
        Bun.spawnSync(["id", ...args]).stdout.toString().trim();
      const gid = Bun.spawnSync(["getent", "group", group]).stdout.toString().split(":")[2];
      for (const side of ["tcpd", "wrap"]) {
        const answer = await ask(`${name}.${side}`, "127.0.0.1");
        expect(answer).toContain(`\nids: ${id("-u", user)} ${gid} `);
      }
    },
  );

  test("whose user may not be changed is refused", async () => {
    for (const side of ["tcpd", "wrap"]) {
      const daemon = `useroptionbyuser.${side}`;
      expect(await ask(daemon, "127.0.0.1")).toBe("");
      await waitUntil("the refusal is logged", () => decisionsOf(daemon) > 0);
      expect(linesOf(daemon).map(({ text }) => text.replace(/^[^:]*: /, "")).at(-1)).toBe(
        "refused connect from 127.0.0.1 (127.0.0.1)",
      );
    }
  });
});
