/** Programs of deploy/ that run by themselves: the plugin, and what puts access tables in their place. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeResponse } from "../../lib/protocol/encode.ts";
import { startDaemon } from "../support/daemon.ts";
import { startFakeAgent } from "../support/fake_agent.ts";
import { peersMissing } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { makeRoom, type Room, ROOT } from "../support/room.ts";

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

/** Runs check_nrpe_agent against a port of loopback. */
async function checkAgent(port: number, ...args: readonly string[]) {
  const plugin = join(ROOT, "deploy/monitoring/check_nrpe_agent");
  const check = Bun.spawn(
    ["sh", plugin, "-b", room.binary, "-H", "127.0.0.1", "-p", String(port), "-t", "60", ...args],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  return { text: await check.stdout.text(), status: await check.exited };
}

describe("deploy/monitoring/check_nrpe_agent", () => {
  test("says that nothing answers, and why", async () => {
    const [port] = freePorts(1) as [number];
    expect(await checkAgent(port)).toEqual({
      text: `NRPE CRITICAL - no answer from 127.0.0.1:${port}: connection-refused\n`,
      status: 2,
    });
  });

  test("believes no agent that answers with members of JSON", async () => {
    const text = '","daysLeft":1,"text":"NRPE v9","tls":{"version":"TLSv9';
    await using agent = await startFakeAgent((socket) =>
      socket.end(encodeResponse({ version: 4, code: 0, text }))
    );
    expect(await checkAgent(agent.port, "-n")).toEqual({
      text: "NRPE WARNING - another program, without TLS\n",
      status: 1,
    });
  });

  test.each([
    [["-p", "x"], "NRPE UNKNOWN - 'x' is no number\n"],
    [["-w", ""], "NRPE UNKNOWN - '' is no number\n"],
    [["-H", "-n"], "NRPE UNKNOWN - '-n' is no host\n"],
    [["-b", "/nowhere/nrpe"], /^NRPE UNKNOWN - .*not found\n$/],
    [["-z"], /^Usage: /],
    [["more"], /^Usage: /],
  ])("is UNKNOWN with %p", async (args, wanted) => {
    const { text, status } = await checkAgent(1, ...args);
    expect(status).toBe(3);
    if (typeof wanted === "string") expect(text).toBe(wanted);
    else expect(text).toMatch(wanted);
  });
});

describe.skipIf(peersMissing("agent"))("deploy/monitoring/check_nrpe_agent and an agent", () => {
  test("say the version, TLS, and how long the certificate is valid", async () => {
    await using daemon = await startDaemon(room, { config: "tcp_wrappers=0\n", args: [] });
    const { text, status } = await checkAgent(daemon.port);
    const [, version, days] =
      /^NRPE OK - NRPE v(\S+), TLSv1\.3, certificate valid for (\d+) days \| days=\2;30:;7:\n$/
        .exec(text) ?? [];
    expect([status, Number(days) > 300]).toEqual([0, true]);
    const more = String(Number(days) + 1);
    for (
      const [args, state] of [
        [["-w", more], 1],
        [["-c", more], 2],
        [["-w", days!, "-c", days!], 0],
        [["-e", version!], 0],
        [["-e", `${version}1`], 1],
        [["-n"], 2],
      ] as const
    ) {
      expect([args, (await checkAgent(daemon.port, ...args)).status]).toEqual([args, state]);
    }
  });

  test("say that there is no TLS", async () => {
    await using daemon = await startDaemon(room, { config: "tcp_wrappers=0\n" });
    const { text, status } = await checkAgent(daemon.port, "-n");
    expect(text).toMatch(/^NRPE OK - NRPE v\S+, without TLS\n$/);
    expect(status).toBe(0);
  });
});

describe("deploy/ansible/roles/nrpe/files/put_tables.sh", () => {
  const put = (deny: string, ...sums: readonly string[]) => {
    const script = join(ROOT, "deploy/ansible/roles/nrpe/files/put_tables.sh");
    const staged = [".allow", ".deny"].map((name) => room.file(name, `new${name}\n`));
    return Bun.spawnSync([
      "sh",
      script,
      staged[0]!,
      join(room.path, "allow"),
      staged[1]!,
      deny,
      ...sums,
    ], {
      stdio: ["ignore", "pipe", "pipe"],
    }).exitCode;
  };
  const content = (name: string) => readFileSync(join(room.path, name), "utf8");

  test.each([true, false])("puts both in their place, where there were some: %p", (before) => {
    if (before) {
      room.file("allow", "old\n");
      room.file("deny", "old\n");
    }
    expect(put(join(room.path, "deny"))).toBe(0);
    expect([content("allow"), content("deny")]).toEqual(["new.allow\n", "new.deny\n"]);
    expect(readdirSync(room.path).sort()).toEqual(["allow", "deny", "nrpe"]);
  });

  test.each([true, false])("puts none where one cannot be, with one before: %p", (before) => {
    if (before) room.file("allow", "old\n");
    expect(put(join(room.path, "nowhere", "deny"))).toBe(1);
    expect(existsSync(join(room.path, "allow"))).toBe(before);
    if (before) expect(content("allow")).toBe("old\n");
  });

  test("puts none when somebody has written one since it was staged", () => {
    room.file("allow", "old\n");
    const deny = join(room.path, "deny");
    const sum = new Bun.CryptoHasher("sha256").update("old\n").digest("hex");
    expect(put(deny, sum, sum)).toBe(1);
    expect(put(deny, "none", "none")).toBe(1);
    expect([content("allow"), existsSync(deny)]).toEqual(["old\n", false]);
    expect(put(deny, sum, "none")).toBe(0);
    expect([content("allow"), content("deny")]).toEqual(["new.allow\n", "new.deny\n"]);
  });

  test("puts none where a directory is", () => {
    mkdirSync(join(room.path, "deny"));
    expect(put(join(room.path, "deny"))).toBe(1);
    expect([existsSync(join(room.path, "allow")), readdirSync(join(room.path, "deny"))])
      .toEqual([false, []]);
  });
});
