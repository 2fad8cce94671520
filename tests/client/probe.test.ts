/** `nrpe --probe`: what answers, and why nothing does. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeResponse } from "../../lib/protocol/encode.ts";
import { startCAgent } from "../support/c_agent.ts";
import { startDaemon } from "../support/daemon.ts";
import { type Answer, startFakeAgent } from "../support/fake_agent.ts";
import { peersMissing } from "../support/peers.ts";
import { makePki } from "../support/pki.ts";
import { freePorts } from "../support/ports.ts";
import { BINARY, makeRoom, type Room } from "../support/room.ts";
import { readJsonLines } from "../support/schema.ts";

const missing = peersMissing("agent", "openssl");

let room: Room;
const ports: Record<string, number> = {};
const started: AsyncDisposable[] = [];

const FAKES: Readonly<Record<string, Answer>> = {
  "a closing server": (socket) => void socket.end(),
  "a resetting server": (socket) => void socket.resetAndDestroy(),
  "a silent server": () => {},
  "a chattering server": (socket) => void socket.end("SSH-2.0-OpenSSH_9.2\r\n"),
  "a stopping server": (socket) =>
    void socket.end(encodeResponse({ version: 4, code: 0, text: "fine" }).subarray(0, 18)),
  "a server that alerts": (socket) => void socket.end(Uint8Array.of(21, 3, 3, 0, 2, 2, 80)),
};

beforeAll(async () => {
  if (missing) return;
  room = makeRoom();
  const pki = makePki(room);
  const keep = (name: string, agent: AsyncDisposable & { readonly port: number }) => {
    started.push(agent);
    ports[name] = agent.port;
  };
  const pair = `ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=${pki.server.key}\n`;
  const strict = `${pair}ssl_cacert_file=${pki.ca.cert}\nssl_client_certs=2\n`;
  const warn = "command[warn]=echo low; exit 1\n";
  keep("a plain agent", await startDaemon(room, { config: warn }));
  keep("a TLS agent", await startDaemon(room, { config: pair, args: [] }));
  keep("a strict agent", await startDaemon(room, { config: strict, args: [] }));
  keep("a C agent without certificate", await startCAgent(room, "allowed_hosts=127.0.0.1\n"));
  keep("a plain C agent", await startCAgent(room, "allowed_hosts=127.0.0.1\n", "-n"));
  keep("a refusing agent", await startDaemon(room, { config: "allowed_hosts=127.0.0.9\n" }));
  for (const [name, answer] of Object.entries(FAKES)) keep(name, await startFakeAgent(answer));
  [ports["a closed port"]] = freePorts(1) as [number];
}, 120_000);

afterAll(async () => {
  for (const one of started) await one[Symbol.asyncDispose]();
  room?.[Symbol.dispose]();
});

async function nrpe(...args: readonly string[]) {
  const run = Bun.spawn([BINARY, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
  ]);
  return { status: await run.exited, output, errors };
}

/** Probes a server of the table with `--json`. */
async function probe(name: string, ...args: readonly string[]) {
  const { status, output } = await nrpe("--probe", "--json", `127.0.0.1:${ports[name]}`, ...args);
  const [result] = readJsonLines("probe", output);
  return { status, result };
}

describe.skipIf(missing)("--probe", () => {
  test.each([
    ["a plain agent", "-n", 4, null],
    ["a plain agent", "-n -2", 2, null],
    ["a plain agent", "-n -3", 3, null],
    ["a TLS agent", "", 4, "TLSv1.3"],
    ["a plain C agent", "-n", 4, null],
    ["a C agent without certificate", "", 4, "TLSv1.2"],
  ])("of %s with %p says what answers", async (name, args, version, tls) => {
    const { status, result } = await probe(name, ...args.split(" ").filter(Boolean));
    expect(status).toBe(0);
    expect(result).toMatchObject({ answered: true, version, state: 0, failure: null });
    expect(result.tls?.version ?? null).toBe(tls);
  });

  test("shows the certificate, and the state of a command", async () => {
    const { result } = await probe("a TLS agent");
    expect(result.tls.certificate).toMatchObject({
      subject: "/O=Test/CN=server",
      issuer: "/O=Test/CN=between",
      daysLeft: 29,
      selfSigned: false,
    });
    const { result: warned } = await probe("a plain agent", "-n", "-c", "warn");
    expect(warned).toMatchObject({ state: 1, text: "low" });
  });

  test.each([
    ["a plain agent", "", "speaks-no-tls"],
    ["a plain C agent", "", "speaks-no-tls"],
    ["a TLS agent", "-n", "speaks-tls"],
    ["a C agent without certificate", "-n", "speaks-tls"],
    ["a strict agent", "", "tls-alert"],
    ["a refusing agent", "-n", "closed"],
    ["a refusing agent", "", "closed"],
    ["a plain C agent", "-n -3", "query-refused"],
    ["a plain agent", "-n -c warn -a x", "query-refused"],
    ["a closing server", "-n", "closed"],
    ["a closing server", "", "closed"],
    ["a resetting server", "", "closed"],
    ["a silent server", "-n -t 0.3", "timed-out"],
    ["a silent server", "-t 0.3", "timed-out"],
    ["a chattering server", "-n", "not-nrpe"],
    ["a chattering server", "", "not-nrpe"],
    ["a stopping server", "-n", "incomplete"],
    ["a server that alerts", "", "tls-alert"],
    ["a closed port", "", "connection-refused"],
  ])("of %s with %p names the reason %s", async (name, args, code) => {
    const { status, result } = await probe(name, ...args.split(" ").filter(Boolean));
    expect(status).toBe(1);
    expect(result.failure.code).toBe(code);
  });

  test.each([
    ["a network without a route", "", "no route to the network of this address"],
    ["an unreachable host", "ip route add unreachable 192.0.2.0/24;", "no route to the host"],
  ])("tells %s from a closed port", (_, route, message) => {
    const ask = `ip link set lo up; ${route} exec "$0" --probe 192.0.2.9`;
    const { exitCode, stdout } = Bun.spawnSync(["unshare", "-n", "sh", "-c", ask, BINARY]);
    expect(exitCode).toBe(1);
    expect(stdout.toString()).toEndWith(`no answer: ${message} [no-route]\n`);
  });

  test("asks all hosts of a file, and prints a line for each in its order", async () => {
    const places = ["a plain agent", "a closed port"].map((name) => `127.0.0.1:${ports[name]}`);
    const file = room.file("hosts", `# all\n${places[0]}\n\n${places[1]}\nno.such.host.invalid\n`);
    const { status, output } = await nrpe("--probe", "-n", "--hosts", file);
    const [first, second, third] = output.split("\n");
    expect(status).toBe(1);
    expect(first).toStartWith(`${places[0]}: OK: NRPE v`);
    expect(second).toStartWith(`${places[1]}: no answer: connection refused`);
    expect(third).toBe(
      "no.such.host.invalid:5666: no answer: the name no.such.host.invalid does not resolve [unresolved]",
    );
  });

  test.each(["", "one two", "a:0", "host -2 -3", "host -t 0", "--hosts /nonexistent", "host -x"])(
    "takes %p for no question",
    async (args) => {
      const { status, errors } = await nrpe("--probe", ...args.split(" ").filter(Boolean));
      expect(status).toBe(2);
      expect(errors).toContain("Usage: nrpe --probe");
    },
  );
});
