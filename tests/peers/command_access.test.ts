/** Commands for some clients only: command_allowed_hosts and command_allowed_subjects, in every mode. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startSocketUnit } from "../support/activator.ts";
import { ask, type Asking } from "../support/ask.ts";
import { checkNrpe } from "../support/check_nrpe.ts";
import { startDaemon } from "../support/daemon.ts";
import { type Everywhere, MODES, startEverywhere } from "../support/everywhere.ts";
import { peersMissing } from "../support/peers.ts";
import { issue, makePki, type Pair, type Pki } from "../support/pki.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("checkNrpe", "inetd", "openssl");

let room: Room;
let pki: Pki;

beforeAll(() => {
  if (missing) return;
  room = makeRoom();
  pki = makePki(room);
});

afterAll(() => room?.[Symbol.dispose]());

const FILES = {
  "/etc/hosts": "127.0.0.1 localhost\n127.0.0.5 five.example\n",
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
};

const COMMANDS = `command[open]=echo open
command[near]=echo near
command[named]=echo named
command[lost]=echo lost
command[arguments]=echo $ARG1$$ARG2$
command_allowed_hosts[near]=127.0.0.2, 127.0.1.0/24
command_allowed_hosts[named]=five.example
command_allowed_hosts[lost]=unknown.example
command_allowed_hosts[arguments]=127.0.0.2
command_allowed_hosts[nothing]=127.0.0.1
dont_blame_nrpe=1
`;

/** The answer to a request, or what became of the connection instead. */
const answer = (port: number, text: string, asking: Asking = {}) =>
  ask(port, text, asking).catch((error: Error) => error.message.replace(/[0-9]+/g, "N"));

const undefinedCommand = (name: string, version = 4) => ({
  version,
  code: 3,
  text: `NRPE: Command '${name}' not defined`,
});

describe.skipIf(missing)("command_allowed_hosts", () => {
  let served: Everywhere;

  beforeAll(async () => {
    served = await startEverywhere(COMMANDS, { args: ["-n"], files: FILES });
  });

  afterAll(() => served?.[Symbol.asyncDispose]());

  test.each(
    [
      ["open", "127.0.0.9", true],
      ["near", "127.0.0.2", true],
      ["near", "127.0.1.77", true],
      ["near", "127.0.0.1", false],
      ["named", "127.0.0.5", true],
      ["named", "127.0.0.2", false],
      ["lost", "127.0.0.5", false],
      ["nothing", "127.0.0.1", false],
    ] as const,
  )("lets %s be asked for by %s: %p", async (name, from, allowed) => {
    for (const mode of MODES) {
      for (const version of [2, 3, 4] as const) {
        const given = await answer(served.ports[mode], name, { from, version });
        const expected = allowed
          ? { version, code: 0, text: name }
          : undefinedCommand(name, version);
        expect({ mode, given }).toEqual({ mode, given: expected as typeof given });
      }
    }
  });

  test.each(
    [
      "near!a",
      "arguments!$!(id)",
      "arguments!$(id)",
      "!!arguments!!$!!(id)!!",
      "arguments!a;b",
      "arguments!" + "x!".repeat(20),
    ] as const,
  )("gives %j the answer that an undefined command gets", async (text) => {
    for (const mode of MODES) {
      const refused = await answer(served.ports[mode], text);
      const other = text.replace("arguments", "undefined").replace("near", "none");
      const undefinedOne = await answer(served.ports[mode], other);
      const plain = (one: typeof refused) =>
        JSON.stringify(one).replace(/'(arguments|undefined|near|none)'/, "NAME");
      expect({ mode, text: plain(refused) }).toEqual({ mode, text: plain(undefinedOne) });
    }
  });

  test("lets check_nrpe see no difference", async () => {
    for (const mode of MODES) {
      const near = await checkNrpe(served.ports[mode], "-c", "near");
      expect(near).toEqual({ status: 3, output: "NRPE: Command 'near' not defined\n" });
    }
  });

  test.each(MODES)("is logged by %s with client, command and line", async (mode) => {
    await ask(served.ports[mode], "near", { from: "127.0.0.3" });
    await served.logged(
      mode,
      /Warning: Client 127\.0\.0\.3 may not ask for command 'near' by command_allowed_hosts \(.*\.cfg:[0-9]+\): its address 127\.0\.0\.3 is not in it/,
    );
    const from = served.log(mode).length;
    await ask(served.ports[mode], "lost");
    await served.logged(mode, /command_allowed_hosts: no address found for unknown\.example/);
    // The line about the refusal is the last one, after the response.
    await served.logged(mode, /may not ask for command 'lost'/, from);
    const before = served.log(mode).length;
    await ask(served.ports[mode], "none");
    await ask(served.ports[mode], "open");
    expect(served.log(mode).slice(before)).not.toContain("may not ask");
  });

  test("applies the lists of the new nrpe.cfg after SIGHUP", async () => {
    const command = "command[near]=echo near\n";
    await using daemon = await startDaemon(room, { config: command });
    expect((await ask(daemon.port, "near")).text).toBe("near");
    daemon.configure(`${command}command_allowed_hosts[near]=127.0.0.2\n`);
    daemon.signal("SIGHUP");
    await waitUntil(
      "it is refused",
      async () => (await ask(daemon.port, "near")).text !== "near",
    );
    for (const list of ["", ",", "127.0.0.1/8", "127.0.0.1 127.0.0.2", "SERVER_IP"]) {
      const from = daemon.log().length;
      daemon.configure(`${command}command_allowed_hosts[near]=${list}\n`);
      daemon.signal("SIGHUP");
      await daemon.logged(/Line 8[^]*the old configuration stays/, from);
      expect((await ask(daemon.port, "near")).text).not.toBe("near");
    }
  });

  test("does not let a client of a Unix socket in", async () => {
    for (const accept of [true, false]) {
      const log = room.file(`unix.${accept}.log`, "", 0o666);
      const config = room.file("unix.cfg", `log_file=${log}\nwait_idle_timeout=1\n${COMMANDS}`);
      const path = join(room.path, `socket.${accept}`);
      await using _ = startSocketUnit(room, ["-n", "-c", config, "--inetd"], { accept, path });
      expect(await answer(0, "near", { path })).toEqual(undefinedCommand("near") as never);
      expect(await answer(0, "open", { path })).toMatchObject({ text: "open" });
      await waitUntil(
        "it is logged",
        () => readFileSync(log, "latin1").includes("Client unknown may not ask for command 'near'"),
      );
    }
  });
});

describe.skipIf(missing)("command_allowed_subjects", () => {
  let monitor: Pair;
  let other: Pair;

  beforeAll(() => {
    monitor = issue(room, pki.ca, { subject: "/CN=monitor", alternatives: "DNS:mon.example" });
    other = issue(room, pki.ca, { subject: "/CN=other" });
  });

  const config = (certs: number) =>
    `ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=${pki.server.key}\n` +
    `ssl_cacert_file=${pki.ca.cert}\nssl_client_certs=${certs}\n` +
    "command[open]=echo open\ncommand[x]=echo fine\ncommand[both]=echo both\n" +
    "command_allowed_subjects[x]=DNS:*.example\n" +
    "command_allowed_subjects[both]=CN=monitor\ncommand_allowed_hosts[both]=127.0.0.2\n";

  const withPair = ({ cert, key }: Pair): Asking => ({
    tls: { cert: readFileSync(cert), key: readFileSync(key) },
  });

  test("lets commands be asked for by the owners of certificates", async () => {
    await using served = await startEverywhere(config(1));
    for (const mode of MODES) {
      const port = served.ports[mode];
      const texts: string[] = [];
      for (const asking of [withPair(monitor), withPair(other), { tls: {} }]) {
        for (const name of ["open", "x", "both"]) {
          const given = await answer(port, name, asking);
          texts.push(typeof given === "string" ? given : given.text);
        }
      }
      const none = (name: string) => undefinedCommand(name).text;
      expect({ mode, texts }).toEqual({
        mode,
        texts: [
          ...["open", "fine", none("both")],
          ...["open", none("x"), none("both")],
          ...["open", none("x"), none("both")],
        ],
      });
      await served.logged(
        mode,
        /'x' by command_allowed_subjects \(.*\): no name of its certificate is in it: CN=other/,
      );
      await served.logged(
        mode,
        /'x' by command_allowed_subjects \(.*\): it has shown no certificate/,
      );
      await served.logged(
        mode,
        /'both' by command_allowed_hosts \(.*\): its address 127\.0\.0\.1 is not in it/,
      );
    }
  });

  test("lets nobody ask on a plain connection", async () => {
    await using served = await startEverywhere(config(1), { args: ["-n"] });
    for (const mode of MODES) {
      const port = served.ports[mode];
      expect(await answer(port, "x")).toEqual(undefinedCommand("x") as never);
      expect(await answer(port, "open")).toMatchObject({ text: "open" });
      await served.logged(
        mode,
        /'x' by command_allowed_subjects \(.*\): it has shown no certificate/,
      );
    }
  });
});
