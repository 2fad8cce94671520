/** What the embedded runtime would read of its environment and of the working directory has no effect. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../support/ask.ts";
import { startDaemon } from "../support/daemon.ts";
import { tracingMissing } from "../support/faults.ts";
import { startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makePki, type Pair } from "../support/pki.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { shellStarter } from "../support/starter.ts";

const missing = peersMissing("inetd");
const noTracing = tracingMissing();

let room: Room;
/** A directory with files that the runtime looks for, which every user can write to. */
let hostile: string;

beforeEach(() => {
  room = makeRoom();
  hostile = join(room.path, "hostile");
  mkdirSync(join(hostile, "node_modules", "bun"), { recursive: true });
  room.file("hostile/evil.js", `require("node:fs").writeFileSync("${hostile}/ran", "");\n`);
  room.file("hostile/.env", "BUN_CONFIG_VERBOSE_FETCH=1\nNODE_EXTRA_CA_CERTS=evil\n");
  room.file("hostile/bunfig.toml", `preload = ["${hostile}/evil.js"]\n`);
  room.file("hostile/.bunfig.toml", `preload = ["${hostile}/evil.js"]\n`);
  room.file("hostile/package.json", '{ "main": "evil.js" }\n');
  room.file("hostile/tsconfig.json", "{}\n");
  room.file("hostile/node_modules/bun/index.js", "throw 1;\n");
  chmodSync(hostile, 0o777);
});

afterEach(() => room[Symbol.dispose]());

/** Variables that make the runtime, or libraries that it is linked to, open the file of that name. */
const OPENED = [
  ...["SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "OPENSSL_CONF"],
  ...["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "TMPDIR", "TMP", "TEMP"],
  ...["NODE_PATH", "NODE_ICU_DATA", "NODE_V8_COVERAGE", "NODE_COMPILE_CACHE", "NODE_REPL_HISTORY"],
  ...["NODE_REDIRECT_WARNINGS", "HOSTALIASES", "RESOLV_HOST_CONF", "MALLOC_TRACE", "NLSPATH"],
  ...["BUN_TMPDIR", "BUN_INSTALL", "BUN_RUNTIME_TRANSPILER_CACHE_PATH", "BUN_INSPECT_NOTIFY"],
  ...["npm_config_userconfig", "NPM_CONFIG_USERCONFIG"],
];

/** Variables that make it write such a file at its end. */
const WRITTEN = [
  "BUN_BYTECODE_ORDER_OUT",
  "BUN_BYTECODE_ORDER_NAMES_OUT",
  "BUN_BYTECODE_DIGEST_OUT",
];

/** Others, with a value that would change something. */
const OTHERS = {
  ...{ NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_OPTIONS: "--require=./evil.js", NODE_DEBUG: "tls" },
  ...{ NODE_USE_SYSTEM_CA: "1", NODE_UNIQUE_ID: "1", UV_THREADPOOL_SIZE: "1" },
  ...{ RES_OPTIONS: "ndots:15", LOCALDOMAIN: "example", BUN_CONFIG_VERBOSE_FETCH: "curl" },
  ...{ HTTP_PROXY: "http://127.0.0.1:1", HTTPS_PROXY: "http://127.0.0.1:1" },
};

function variables(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, join(hostile, name)]));
}

describe.skipIf(missing)("with a hostile environment and working directory", () => {
  test.skipIf(noTracing)("a process for one client opens and writes nothing there", async () => {
    const config = room.file("nrpe.cfg", "command[ok]=/bin/echo fine\n");
    const trace = join(hostile, "trace");
    const before = readdirSync(hostile);
    const started = shellStarter(
      room,
      `cd ${hostile}`,
      `${PEERS.strace.path} -f -qq -o ${trace} -A -e trace=%file,connect ${room.binary}`,
    );
    const argv = ["nrpe", "-c", config, "--inetd"];
    await using inetd = await startInetd(room, [
      { user: "nagios", program: started, argv: [...argv, "-n"] },
      { user: "nagios", program: started, argv },
    ], { env: { ...variables([...OPENED, ...WRITTEN]), ...OTHERS } });
    expect((await ask(inetd.ports[0]!, "ok")).text).toBe("fine");
    expect((await ask(inetd.ports[1]!, "ok", { tls: {} })).text).toBe("fine");
    await inetd[Symbol.asyncDispose]();
    const lines = readFileSync(trace, "latin1").split("\n");
    expect(lines.length).toBeGreaterThan(50);
    // The program's own modules are in the binary, and have names of their own.
    expect(lines.filter((line) => line.includes(hostile) && !line.includes("getcwd("))).toEqual([]);
    expect(lines.filter((line) => /"(\.env|bunfig|package\.json|tsconfig|\.\/)/.test(line)))
      .toEqual([]);
    expect(readdirSync(hostile).filter((name) => !before.includes(name))).toEqual(["trace"]);
  });

  test("a daemon trusts no other certificates, and writes no secrets", async () => {
    const pki = makePki(room);
    const before = readdirSync(hostile);
    const foreign = {
      SSL_CERT_FILE: pki.foreign.cert,
      NODE_EXTRA_CA_CERTS: `${room.path}/foreign-ca.crt`,
    };
    await using daemon = await startDaemon(room, {
      config: `ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=${pki.server.key}\n` +
        `ssl_cacert_file=${pki.ca.cert}\nssl_client_certs=2\ncommand[ok]=/bin/echo fine\n`,
      args: [],
      directory: hostile,
      env: { ...variables([...OPENED, ...WRITTEN]), ...OTHERS, ...foreign },
    });
    const askAs = ({ cert, key }: Pair) =>
      ask(daemon.port, "ok", { tls: { cert: readFileSync(cert), key: readFileSync(key) } });
    expect((await askAs(pki.good)).text).toBe("fine");
    await expect(askAs(pki.foreign)).rejects.toThrow();
    await expect(ask(daemon.port, "ok", { tls: {} })).rejects.toThrow();
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect(readdirSync(hostile)).toEqual(before);
  });

  test("no plugin gets the runtime's variables", async () => {
    const config = room.file("nrpe.cfg", "command[env]=/usr/bin/env\n");
    await using inetd = await startInetd(room, [
      { user: "nagios", program: room.binary, argv: ["nrpe", "-n", "-c", config, "--inetd"] },
    ], { env: { ...variables(WRITTEN), OTHER: "1" } });
    const { text } = await ask(inetd.ports[0]!, "env");
    expect(text).toContain("OTHER=1");
    expect(text).not.toContain("BUN_");
  });
});
