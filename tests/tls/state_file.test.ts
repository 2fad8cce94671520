import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeSelfSigned } from "../../lib/tls/self_signed.ts";
import { loadSelfSigned } from "../../lib/tls/state_file.ts";
import { makeRoom, type Room } from "../support/room.ts";

const NOW = new Date();
const LATER = new Date(NOW.getTime() + 20 * 365 * 24 * 60 * 60 * 1000);
const OWN = { uid: process.getuid!(), gid: process.getgid!() };

let room: Room;
let path: string;

beforeEach(() => {
  room = makeRoom();
  path = join(room.path, "tls.pem");
});

afterEach(() => room[Symbol.dispose]());

const keep = (now = NOW, file: string | undefined = path) =>
  loadSelfSigned(file, OWN, () => "agent.example", now);

describe("loadSelfSigned()", () => {
  test("writes a pair for its owner alone, and returns it from then on", () => {
    const made = keep();
    expect(made.warning).toBeUndefined();
    expect(made.note).toBe(`a new self-signed certificate, kept in ${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "latin1")).toBe(made.pair.key + made.pair.certificate);
    const ask = () => {
      throw new Error("No name is needed");
    };
    expect(loadSelfSigned(path, OWN, ask, NOW)).toEqual({
      pair: made.pair,
      note: `the self-signed certificate of ${path}`,
      warning: undefined,
    });
    expect(readdirSync(room.path)).not.toContainEqual(expect.stringMatching(/^tls\.pem\./));
  });

  test.each([
    ["an expired pair", (own: string) => own, LATER, "its certificate has expired"],
    ["an empty file", () => "", NOW, "it holds no certificate"],
    ["zeros", () => "\0".repeat(4096), NOW, "it holds no certificate"],
  ])("replaces %s, and says so", (_, spoil, now, why) => {
    const { pair } = keep();
    writeFileSync(path, spoil(pair.key + pair.certificate));
    const kept = keep(now);
    expect(kept.warning).toBe(`Warning: tls_state_file '${path}' has been replaced: ${why}`);
    expect(kept.pair).not.toEqual(pair);
    expect(keep(now).pair).toEqual(kept.pair);
  });

  test.each([
    ["a key that is not of the agent's making", (file: string) => {
      writeFileSync(file, makeSelfSigned("other", NOW).key);
    }, "not one of the agent's making"],
    ["a pair whose certificate is cut", (file: string) => {
      const { key, certificate } = makeSelfSigned("agent.example", NOW);
      writeFileSync(file, key + certificate.slice(0, -60));
    }, "it holds no certificate, and it is not one of the agent's making"],
    ["a symbolic link", (file: string) => symlinkSync("/dev/null", file), "it is a symbolic link"],
    ["a file that others name too", (file: string) => {
      Bun.spawnSync(["ln", room.file("other.pem", ""), file]);
    }, "it is a hard link"],
  ])("leaves %s as it is, and lives with a passing certificate", (_, make, why) => {
    make(path);
    const before = readFileSync(path, "latin1");
    const [first, second] = [keep(), keep()];
    expect(first.note).toBe("a self-signed certificate made for this process");
    expect(first.warning).toStartWith(`Warning: Cannot use tls_state_file '${path}': `);
    expect(first.warning).toContain(why);
    expect(second.pair).not.toEqual(first.pair);
    expect(readFileSync(path, "latin1")).toBe(before);
  });

  test("lives with a passing certificate where there is no directory, or no state file", () => {
    const nowhere = keep(NOW, join(room.path, "missing", "tls.pem"));
    expect(nowhere.warning).toContain("No such file or directory");
    const none = loadSelfSigned(undefined, OWN, () => "agent.example", NOW);
    expect(none.note).toEndWith("no ssl_cert_file, no tls_state_file");
    expect(none.warning).toBeUndefined();
    expect(none.pair.certificate).toStartWith("-----BEGIN CERTIFICATE-----");
  });
});
