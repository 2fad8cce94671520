import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parseCommandLine } from "../lib/cli.ts";
import manifest from "../deno.json" with { type: "json" };
import { VERSION } from "../lib/version.ts";
import { makeRoom, type Room } from "./support/room.ts";

/** The version of the runtime that deno.json pins. */
const RUNTIME_VERSION = manifest.imports.bun.split("@").at(-1);

const SERVE = {
  kind: "serve",
  mode: "inetd",
  config: "nrpe.cfg",
  tls: true,
  family: undefined,
  changeDirectory: true,
};

describe("parseCommandLine()", () => {
  const cases: readonly [words: string, invocation: object][] = [
    ["-i", SERVE],
    ["-n -c /n.cfg --inetd", { ...SERVE, tls: false, config: "/n.cfg" }],
    ["-nic /n.cfg", { ...SERVE, tls: false, config: "/n.cfg" }],
    ["-nic/n.cfg", { ...SERVE, tls: false, config: "/n.cfg" }],
    ["--config=/a --config /b -i", { ...SERVE, config: "/b" }],
    ["--conf=/a --inet", { ...SERVE, config: "/a" }],
    ["-ndc /n.cfg", { ...SERVE, mode: "daemon", tls: false, config: "/n.cfg" }],
    ["-d -f", { ...SERVE, mode: "foreground" }],
    ["-f -d", { ...SERVE, mode: "foreground" }],
    ["--no-forking -4", { ...SERVE, mode: "foreground", family: 4 }],
    ["-s -4 -6 -C", { ...SERVE, mode: "foreground", family: 6, changeDirectory: false }],
    ["-d -i", SERVE],
    ["-i word", SERVE],
    ["-i -- -d", SERVE],
    ["-i -V", { kind: "version" }],
    ["--help", { kind: "help" }],
    ["-l", { kind: "license" }],
    ["", { kind: "usage", problem: "no mode is given: one of -i, -d, -f, -s" }],
    ["-x", { kind: "usage", problem: "invalid option -- 'x'" }],
    ["-i -c", { kind: "usage", problem: "option requires an argument -- 'c'" }],
    ["--config", { kind: "usage", problem: "option '--config' requires an argument" }],
    ["--nosuch", { kind: "usage", problem: "unrecognized option '--nosuch'" }],
    ["--no", { kind: "usage", problem: "option '--no' is ambiguous: no-ssl, no-forking" }],
    ["--inetd=1", { kind: "usage", problem: "option '--inetd' doesn't allow an argument" }],
  ];

  test.each(cases)("reads %j", (words, invocation) => {
    const args = words.split(" ").filter((word) => word !== "");
    expect(parseCommandLine(args)).toEqual(invocation as never);
  });
});

describe("nrpe", () => {
  let room: Room;

  beforeAll(() => {
    room = makeRoom();
  });

  afterAll(() => room[Symbol.dispose]());

  async function run(words: string) {
    const args = words.split(" ").filter((word) => word !== "");
    const nrpe = Bun.spawn([room.binary, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      cwd: room.path,
    });
    const [out, error] = await Promise.all([nrpe.stdout.text(), nrpe.stderr.text()]);
    return { status: await nrpe.exited, out, error };
  }

  test.each(["-V", "--version", "-h", "--help", "-l", "--license"])(
    "%s prints name and version first and exits 3",
    async (option) => {
      const { status, out, error } = await run(option);
      const [name, version] = out.split("\n");
      expect({ status, error, name, version }).toEqual({
        status: 3,
        error: "",
        name: "NRPE - Nagios Remote Plugin Executor",
        version: `Version: ${VERSION} (nrpe-one)`,
      });
    },
  );

  test("-V names the commit that was built, if there was one, and the runtime", async () => {
    const { out } = await run("-V");
    expect(out.split("\n").slice(2)).toEqual([
      expect.stringMatching(
        /^Commit: ([0-9a-f]{12,}(-dirty)?|unknown, not built from a git checkout)$/,
      ),
      `Runtime: Bun ${RUNTIME_VERSION}`,
      "",
      "",
    ]);
  });

  test.each(["", "-x", "-c", "-n -c nrpe.cfg"])(
    "%j prints the usage and exits 3",
    async (words) => {
      const { status, out, error } = await run(words);
      expect({ status, out }).toEqual({ status: 3, out: "" });
      expect(error).toContain("Incorrect command line arguments supplied");
      expect(error).toContain("Usage: nrpe ");
    },
  );

  test("--inetd without a connection says so and exits 2", async () => {
    const { status, out, error } = await run("-n --inetd");
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(error).toStartWith("nrpe: standard input is no connection");
  });

  test("reads neither .env nor bunfig.toml", async () => {
    room.file(".env", "BUN_OPTIONS=--version\n");
    room.file("bunfig.toml", 'preload = ["./evil.ts"]\n');
    room.file("evil.ts", 'console.log("evil");\n');
    const { out } = await run("-V");
    expect(out).toStartWith("NRPE - Nagios Remote Plugin Executor\n");
  });

  test("loads no code that BUN_OPTIONS names", async () => {
    const evil = room.file("evil.js", 'console.log("evil");\n');
    const nrpe = Bun.spawn([room.binary, "-V"], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { BUN_OPTIONS: `--preload ${evil}` },
    });
    expect(await nrpe.stdout.text()).not.toContain("evil");
  });
});
