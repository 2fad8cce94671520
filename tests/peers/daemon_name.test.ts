/** Under which name rules know the agent, and where its tables are. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, linkSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "../../lib/version.ts";
import { ask } from "../support/ask.ts";
import { startDaemon } from "../support/daemon.ts";
import { startInetd } from "../support/inetd.ts";
import { peersMissing } from "../support/peers.ts";
import { BINARY, makeRoom, type Room } from "../support/room.ts";
import { askFrom } from "./both_sides.ts";

const missing = peersMissing("agent", "inetd");

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

const NAMES = [
  [`a copy called nrpe-${VERSION}`, `nrpe-${VERSION}`, [`nrpe-${VERSION}`, "-n"]],
  ["argv[0] forgotten in inetd.conf", "nrpe", ["-n"]],
  ["another argv[0]", "nrpe", ["monitoring", "-n"]],
] as const;

/** The agent under a name. */
function renamed(name: string): string {
  if (name === "nrpe") return room.binary;
  const path = join(room.path, name);
  try {
    linkSync(BINARY, path);
  } catch {
    copyFileSync(BINARY, path);
  }
  return path;
}

describe.skipIf(missing)("the agent is nrpe to the access tables, whatever it is called:", () => {
  const cases = NAMES.flatMap(([what, name, argv]) => [
    { what: `${what}, nowait`, name, argv, wait: false },
    { what: `${what}, wait`, name, argv, wait: true },
  ]);

  test.each(cases)("$what", async ({ name, argv, wait }) => {
    const config = room.file("nrpe.cfg", "command[x]=/bin/echo fine\n");
    const program = renamed(name);
    const service = { user: "nagios", program, argv: [...argv, "-c", config, "--inetd"], wait };
    await using inetd = await startInetd(room, [service], {
      files: { "/etc/hosts.allow": "", "/etc/hosts.deny": "nrpe: ALL\n" },
    });
    expect(await askFrom(inetd.ports[0]!, "127.0.0.1")).toBe("");
    const lines = await inetd.syslog.until(/connect from/);
    expect(lines.find(({ text }) => /connect from/.test(text))!.text).toMatch(
      /^nrpe\[\d+\]: refused connect from 127\.0\.0\.1 /,
    );
  });
});

describe.skipIf(missing)("daemon_name", () => {
  const tables = () =>
    `hosts_allow_file=${room.file("hosts.allow", "checks: 127.0.0.1\nnrpe: 127.0.0.2\n")}\n` +
    `hosts_deny_file=${room.file("hosts.deny", "ALL: ALL\n")}\n`;

  test("gives a daemon another name in the tables, until the next SIGHUP", async () => {
    const text = `${tables()}command[x]=/bin/echo fine\n`;
    await using daemon = await startDaemon(room, { config: `daemon_name=checks\n${text}` });
    expect((await ask(daemon.port, "x")).text).toBe("fine");
    await expect(ask(daemon.port, "x", { from: "127.0.0.2" })).rejects.toThrow("ECONNRESET");
    const from = daemon.log().length;
    daemon.configure(text);
    daemon.signal("SIGHUP");
    await daemon.logged(/restarting[^]*NOT initialized/, from);
    expect((await ask(daemon.port, "x", { from: "127.0.0.2" })).text).toBe("fine");
    await expect(ask(daemon.port, "x")).rejects.toThrow("ECONNRESET");
  });

  test("is the name that --check-access -c asks about", () => {
    const verdict = (client: string, ...config: string[]) => {
      const given = ["--hosts-allow", "--hosts-deny"].flatMap((
        option,
      ) => [option, join(room.path, option.slice(2).replace("-", "."))]);
      const asked = [room.binary, "--check-access", "--json", ...config, ...given, client];
      return JSON.parse(Bun.spawnSync(asked).stdout.toString());
    };
    const config = room.file("nrpe.cfg", `daemon_name=checks\n${tables()}`);
    expect(verdict("127.0.0.1", "-c", config)).toMatchObject({
      daemon: "checks",
      access: "granted",
    });
    expect(verdict("127.0.0.1")).toMatchObject({ daemon: "nrpe", access: "denied" });
  });

  test.each([
    ["two words", "a:b", "a@b", "a/b", "../a", "a,b", "[a]", "a*", ".a", "a.", "5666", "ALL"],
    ["except", "known", "a".repeat(128)],
  ].flat())("refuses %p, which no rule can single out", (name) => {
    const config = room.file("nrpe.cfg", `daemon_name=${name}\n`);
    const agent = Bun.spawnSync([room.binary, "--check-access", "-c", config, "127.0.0.1"]);
    expect(agent.exitCode).toBe(2);
    expect(agent.stderr.toString()).toContain("Invalid daemon_name specified");
  });
});

test.skipIf(missing)("tables of relative paths lie where the daemon was started", async () => {
  const directory = join(room.path, "etc");
  mkdirSync(directory);
  room.file("etc/allow", "nrpe: 127.0.0.1\n");
  room.file("etc/deny", "ALL: ALL\n");
  await using daemon = await startDaemon(room, {
    config: "hosts_allow_file=allow\nhosts_deny_file=./deny\ncommand[x]=/bin/echo fine\n",
    directory,
  });
  expect((await ask(daemon.port, "x")).text).toBe("fine");
  await expect(ask(daemon.port, "x", { from: "127.0.0.2" })).rejects.toThrow("ECONNRESET");
});
