/** Clients of a Unix socket, which have no address: the tables know them as `unknown`. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startSocketUnit } from "../support/activator.ts";
import { ask } from "../support/ask.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("agent");

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

const MODES = [
  ["nowait", true, ["--inetd"]],
  ["wait", false, ["--inetd"]],
  ["daemon", false, ["--no-forking"]],
] as const;

const KINDS = [["plain", ["-n"]], ["TLS", []]] as const;

const CASES = MODES.flatMap(([mode, accept, args]) =>
  KINDS.map(([kind, more]) => ({ mode, accept, kind, args: [...args, ...more] }))
);

/** Starts an agent on a Unix socket, and asks it. */
async function askThere(
  { accept, kind, args }: (typeof CASES)[number],
  deny: string,
  more = "",
): Promise<string> {
  const log = room.file("log", "", 0o666);
  const config = room.file(
    "nrpe.cfg",
    `log_file=${log}\nhosts_allow_file=${room.file("hosts.allow", "")}\n` +
      `hosts_deny_file=${room.file("hosts.deny", deny)}\ncommand[x]=/bin/echo fine\n` +
      `debug=1\n${more}`,
  );
  const path = join(room.path, "socket");
  await using _ = startSocketUnit(room, [...args, "-c", config], { accept, path });
  const asking = { path, ...kind === "TLS" ? { tls: {} } : {} };
  const answer = await ask(0, "x", asking).then(({ text }) => text, () => "no answer");
  await waitUntil("it is logged", () => /connect from|not allowed/.test(logged()));
  return answer;
}

const logged = () => readFileSync(join(room.path, "log"), "latin1");

describe.skipIf(missing).each(CASES)("a client of a Unix socket: $mode, $kind", (mode) => {
  test("is served, and logged", async () => {
    expect(await askThere(mode, "nrpe: KNOWN 127.\n")).toBe("fine");
    expect(logged()).toContain(" connect from unknown (unknown)");
  });

  test("is refused by a rule for unknown hosts, and logged", async () => {
    expect(await askThere(mode, "nrpe: UNKNOWN\n")).toBe("no answer");
    expect(logged()).toContain(" refused connect from unknown (unknown)");
  });
});

test.skipIf(missing)("a client of a Unix socket is in no list of allowed_hosts", async () => {
  const daemon = CASES.find(({ mode, kind }) => mode === "daemon" && kind === "plain")!;
  expect(await askThere(daemon, "", "allowed_hosts=127.0.0.1,::1\n")).toBe("no answer");
  expect(logged()).toContain("Host unknown is not allowed to talk to us!");
});
