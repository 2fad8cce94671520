/** What the log says at the moment of a failure: the cause, and what mends it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ask, open as connectTo } from "../support/ask.ts";
import { CHECK_PATIENCE } from "../support/check_nrpe.ts";
import { startDaemon } from "../support/daemon.ts";
import { startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("inetd", "checkNrpe");

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

const OPEN = { "/etc/hosts.allow": "", "/etc/hosts.deny": "" };

describe.skipIf(missing)("check_nrpe and a service that differ in TLS", () => {
  const PLAIN_CLIENT =
    /Could not complete SSL handshake with 127\.0\.0\.1: this is not TLS: a plain client\? Then use check_nrpe without -n, or the agent with -n or ssl_enabled=0/;
  const PLAIN_SERVICE =
    /Client 127\.0\.0\.1 speaks TLS, and this service is plain: use check_nrpe with -n, or do without the agent's option -n/;

  const check = async (port: number, ...args: readonly string[]) => {
    const argv = ["-H", "127.0.0.1", "-p", String(port), "-t", CHECK_PATIENCE, ...args];
    const client = Bun.spawn([PEERS.checkNrpe.path, ...argv], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    await client.exited;
  };

  test.each([{ wait: false }, { wait: true }])(
    "are told apart under inetd with %o",
    async (how) => {
      const config = room.file("nrpe.cfg", "command[ok]=echo fine\n");
      const service = (...args: readonly string[]) => ({
        user: "nagios",
        program: room.binary,
        argv: ["nrpe", ...args, "-c", config, "-i"],
        ...how,
      });
      const services = [service("-n"), service()];
      await using inetd = await startInetd(room, services, { files: OPEN });
      await check(inetd.ports[0]!);
      await inetd.syslog.until(PLAIN_SERVICE);
      await check(inetd.ports[1]!, "-n");
      await inetd.syslog.until(PLAIN_CLIENT);
    },
  );

  test("are told apart by a daemon", async () => {
    const config = "command[ok]=echo fine\n";
    await using plain = await startDaemon(room, { config, files: OPEN });
    await using secure = await startDaemon(room, { config, files: OPEN, args: [] });
    await check(plain.port);
    await plain.logged(PLAIN_SERVICE);
    await check(secure.port, "-n");
    await secure.logged(PLAIN_CLIENT);
  });
});

describe.skipIf(missing)("a plugin that does not run", () => {
  test("is logged with the file and the reason, and the client gets the usual answer", async () => {
    const at = (name: string) => join(room.path, name);
    mkdirSync(at("closed"));
    const program = readFileSync("/bin/true");
    room.file("closed/plugin", "#!/bin/sh\n", 0o755);
    chmodSync(at("closed"), 0o700);
    room.file("no-bit", "#!/bin/sh\n", 0o644);
    room.file("of-root", "#!/bin/sh\n", 0o700);
    room.file("crlf", "#!/bin/sh\r\necho fine\r\n", 0o755);
    room.file("no-interpreter", "#!/opt/perl/bin/perl -w\n", 0o755);
    room.file("no-bit-interpreter", `#!${at("no-bit")}\n`, 0o755);
    room.file("other-machine", program.with(18, 0x28), 0o755);
    const loader = /\/lib[\w/]*\/?ld-[\w.-]+\.so\.[0-9]/.exec(program.toString("latin1"))![0];
    const without = program.toString("latin1").replace(loader, `${loader.slice(0, -1)}9`);
    room.file("no-loader", Buffer.from(without, "latin1"), 0o755);
    symlinkSync("/nonexistent/target", at("dangling"));
    const missingFile = "No such file or directory";
    const cases: Readonly<Record<string, readonly [line: string, reason: string]>> = {
      directory: [
        "/nonexistent/dir/plugin -w 1",
        `/nonexistent/dir/plugin: ${missingFile}: there is no directory /nonexistent`,
      ],
      file: [`${at("none")} -w 1`, `${at("none")}: ${missingFile} (exit status 127`],
      link: [
        at("dangling"),
        `${at("dangling")}: ${missingFile}: it is a symbolic link to /nonexistent/target`,
      ],
      bit: [
        at("no-bit"),
        `${at("no-bit")}: Permission denied: it has no execute bit, see chmod(1)`,
      ],
      quoted: [
        `${at("no-bit")} 'a b'`,
        `${at("no-bit")}: Permission denied: it has no execute bit`,
      ],
      owner: [
        at("of-root"),
        `${
          at("of-root")
        }: Permission denied: user nagios may not execute it (owner root, mode 0700)`,
      ],
      closed: [
        at("closed/plugin"),
        `${at("closed/plugin")}: Permission denied: user nagios may not search the directory ${
          at("closed")
        } (owner root, mode 0700)`,
      ],
      crlf: [
        at("crlf"),
        `${
          at("crlf")
        }: its first line ends with a carriage return, so the interpreter /bin/sh is not found`,
      ],
      interpreter: [
        at("no-interpreter"),
        `${
          at("no-interpreter")
        }: its interpreter /opt/perl/bin/perl: ${missingFile}: there is no directory /opt/perl`,
      ],
      closed_interpreter: [
        at("no-bit-interpreter"),
        `${at("no-bit-interpreter")}: its interpreter ${
          at("no-bit")
        }: Permission denied: it has no`,
      ],
      machine: [
        at("other-machine"),
        `${at("other-machine")}: Exec format error: it is a program for another kind of machine`,
      ],
      loader: [at("no-loader"), `${at("no-loader")}: its loader ${loader.slice(0, -1)}9: `],
      path: [
        "check_nothing 'a b'",
        "check_nothing: no such program in PATH (/usr/bin:/bin)",
      ],
      sudo: [
        `/usr/bin/env -i ${at("of-root")}`,
        `${at("of-root")}: Permission denied: user nagios may not execute it`,
      ],
    };
    const config = Object.entries(cases).map(([name, [line]]) => `command[${name}]=${line}\n`);
    await using daemon = await startDaemon(room, { config: config.join(""), files: OPEN });
    for (const [name, [, reason]] of Object.entries(cases)) {
      const { code, text } = await ask(daemon.port, name);
      expect({ name, code, text }).toEqual({ name, code: 3, text: "NRPE: Unable to read output" });
      await waitUntil(`${name} is logged`, () => daemon.log().includes(`command[${name}]: `));
      expect(daemon.log()).toContain(`Error: command[${name}]: ${reason}`);
    }
  });
});

describe.skipIf(missing)("a command line that does not serve the socket of inetd", () => {
  const received = async (port: number): Promise<string> => {
    const socket = await connectTo(port);
    let text = "";
    socket.on("data", (bytes: Uint8Array) => void (text += Buffer.from(bytes).toString()));
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on("close", () => resolve()).on("error", () => resolve());
    await promise;
    return text;
  };

  test.each([
    [
      [],
      /^nrpe\[\d+\]: Error: Incorrect command line: no mode is given: .*: a service of inetd needs --inetd$/,
    ],
    [["--inted"], /^nrpe\[\d+\]: Error: Incorrect command line: unrecognized option '--inted'$/],
    [
      ["-f"],
      /^nrpe\[\d+\]: Warning: standard input is a socket, as under inetd, and -f does not serve it: is --inetd meant\?$/,
    ],
  ])("is logged with the arguments %p, and the client gets no text", async (args, line) => {
    const [port] = freePorts(1) as [number];
    using _taken = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const config = room.file("nrpe.cfg", `server_address=127.0.0.1\nserver_port=${port}\n`);
    const argv = ["nrpe", "-n", "-c", config, ...args];
    const service = { user: "nagios", program: room.binary, argv };
    await using inetd = await startInetd(room, [service]);
    expect(await received(inetd.ports[0]!)).toBe("");
    await inetd.syslog.until(line);
  });
});

describe.skipIf(missing)("access tables without a rule for the service", () => {
  const refuse = (port: number) => expect(ask(port, "ok")).rejects.toThrow();

  test("are a hint beside the refusal, which names what they have", async () => {
    const config = room.file("nrpe.cfg", "command[ok]=echo fine\n");
    const argv = ["nrpe", "-n", "-c", config, "-i"];
    const service = { user: "nagios", program: room.binary, argv };
    const files = {
      "/etc/hosts.allow": "sshd, nrped: 127.0.0.1\n",
      "/etc/hosts.deny": "ALL: ALL\n",
    };
    await using inetd = await startInetd(room, [service], { files });
    await refuse(inetd.ports[0]!);
    const lines = await inetd.syslog.until(/hint/);
    const own = lines.filter(({ text }) => text.startsWith("nrpe["));
    expect(own.map(({ text }) => text.replace(/^nrpe\[\d+\]: /, ""))).toEqual([
      "refused connect from 127.0.0.1 (127.0.0.1)",
      "hint: no rule of /etc/hosts.allow is for the daemon nrpe, only for sshd, nrped: " +
      "is nrped meant to be nrpe?",
    ]);
  });

  test("are a hint once in a process, also where they let everyone in", async () => {
    const config = "command[ok]=echo fine\n";
    const shut = { "/etc/hosts.allow": "sshd: ALL\n", "/etc/hosts.deny": "ALL: ALL\n" };
    await using closed = await startDaemon(room, { config, files: shut });
    for (let times = 0; times < 3; times++) await refuse(closed.port);
    await waitUntil("all are refused", () => closed.log().match(/refused/g)?.length === 3);
    expect(closed.log().match(/hint: .*/g)).toHaveLength(1);
    const other = { "/etc/hosts.allow": "", "/etc/hosts.deny": "nrped: ALL\n" };
    await using opened = await startDaemon(room, { config, files: other });
    for (let times = 0; times < 3; times++) await ask(opened.port, "ok");
    expect(opened.log().match(/hint: .*/g)).toEqual([
      "hint: no rule of /etc/hosts.allow or /etc/hosts.deny is for the daemon nrpe, only for " +
      "nrped: is nrped meant to be nrpe?",
    ]);
  });

  test("are no hint where a rule is for all services, or there is none", async () => {
    const config = "command[ok]=echo fine\n";
    for (const allow of ["", "ALL: 192.0.2.1\n", "sshd: ALL\nnrpe: 192.0.2.1\n"]) {
      const files = { "/etc/hosts.allow": allow, "/etc/hosts.deny": "ALL: ALL\n" };
      await using daemon = await startDaemon(room, { config, files });
      await refuse(daemon.port);
      await daemon.logged(/refused/);
      expect(daemon.log()).not.toContain("hint");
    }
  });
});
