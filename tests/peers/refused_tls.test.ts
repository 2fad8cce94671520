/** What becomes of clients with which no TLS conversation comes about, in every mode. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { ask, open } from "../support/ask.ts";
import { CHECK_PATIENCE, checkNrpe } from "../support/check_nrpe.ts";
import { startDaemon } from "../support/daemon.ts";
import { type Everywhere, MODES, startEverywhere } from "../support/everywhere.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makePki, type Pair, type Pki } from "../support/pki.ts";
import { freePorts, isListening } from "../support/ports.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { sClient } from "../support/s_client.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("checkNrpe", "inetd", "openssl", "agent");

const COMMANDS = "command[ok]=echo fine\n";

let room: Room;
let pki: Pki;

beforeAll(() => {
  if (missing) return;
  room = makeRoom();
  pki = makePki(room);
});

afterAll(() => room?.[Symbol.dispose]());

const certificate = ({ cert, key }: Pair) => `ssl_cert_file=${cert}\nssl_privatekey_file=${key}\n`;
const requiring = () =>
  `${certificate(pki.server)}ssl_cacert_file=${pki.ca.cert}\nssl_client_certs=2\n`;

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

/** check_nrpe, which is to end by SIGPIPE where a program of a terminal's would. */
async function checkTls(port: number, ...args: string[]) {
  const check = Bun.spawn(
    [
      ...["env", "--default-signal=PIPE", PEERS.checkNrpe.path],
      ...["-H", "127.0.0.1", "-p", String(port), "-t", CHECK_PATIENCE, ...args],
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const output = await new Response(check.stdout).text();
  return { status: await check.exited, output };
}

const asClient = ({ cert, key }: Pair) => ["-cert", cert, "-key", key];

describe.skipIf(missing)("a client without a good certificate, where one is required", () => {
  let served: Everywhere;
  let reference: { readonly port: number; end(): Promise<void> };

  beforeAll(async () => {
    served = await startEverywhere(requiring() + COMMANDS);
    reference = await startReference(requiring());
  });

  afterAll(async () => {
    await served?.[Symbol.asyncDispose]();
    await reference?.end();
  });

  const cases = MODES.flatMap((mode) =>
    VERSIONS.flatMap((version) =>
      (["none", "expired", "foreign"] as const).map((kind) => [mode, version, kind] as const)
    )
  );

  test.each(cases)("is told by check_nrpe what happened (%s, %s, certificate %s)", async (
    mode,
    version,
    kind,
  ) => {
    const shown = kind === "none" ? [] : ["-C", pki[kind].cert, "-K", pki[kind].key];
    const asked = [...shown, "-S", version, "-c", "ok"];
    const own = await checkTls(served.ports[mode], ...asked);
    expect(own.output).toMatch(/^CHECK_NRPE: .+\n$/);
    if (kind !== "none") return expect(own.status).toBe(3);
    // The library's own alert, at the same point of the handshake as the C agent's.
    const theirs = await checkTls(reference.port, ...asked);
    expect(own.status).toBe(theirs.status);
    if (version === "TLSv1.2") expect(own.output).toBe(theirs.output);
  });

  test.each(MODES)("is logged with the reason by %s", async (mode) => {
    const { ports, logged } = served;
    await checkTls(ports[mode], "-c", "ok");
    await logged(
      mode,
      /Error: Could not complete SSL handshake with 127\.0\.0\.1: the client did not present a certificate/,
    );
    await checkTls(ports[mode], "-C", pki.expired.cert, "-K", pki.expired.key, "-c", "ok");
    await logged(
      mode,
      /has an invalid certificate: \/O=Test\/CN=expired \(issuer=\/O=Test\/CN=ca\) err=CERT_HAS_EXPIRED: it has expired/,
    );
  });

  test.each(MODES)("gets the alert that fits from %s", async (mode) => {
    const port = served.ports[mode];
    expect(await sClient(port, "-tls1_2")).toContain("SSL alert number 40");
    expect(await sClient(port, "-tls1_3")).toContain("SSL alert number 116");
    expect(await sClient(port, "-tls1_3", ...asClient(pki.expired)))
      .toContain("alert certificate expired");
    expect(await sClient(port, "-tls1_3", ...asClient(pki.foreign)))
      .toContain("alert unknown ca");
  });

  test.each(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])(
    "gets an alert that is sealed with %s",
    async (suite) => {
      const { daemon } = served.ports;
      const said = await sClient(daemon, "-ciphersuites", suite, ...asClient(pki.expired));
      expect(said).toContain("SSL alert number 45");
    },
  );

  test.each(
    MODES.flatMap((mode) => [
      [mode, "TLS 1.2", ["-tls1_2"]] as const,
      [mode, "ChaCha20", ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"]] as const,
    ]),
  )("gets close_notify from %s with %s, where there is no alert to send", async (mode, _, args) => {
    const client = Bun.spawn(
      [
        ...["openssl", "s_client", "-connect", `127.0.0.1:${served.ports[mode]}`],
        ...["-msg", ...args, ...asClient(pki.expired)],
      ],
      { stdio: ["pipe", "pipe", "pipe"] },
    );
    const said = await new Response(client.stdout).text();
    expect(said).toMatch(/<<< TLS 1\.[23], Alert.*warning close_notify/);
    expect(await client.exited).toBe(0);
  });

  test("is refused for a bad certificate also where none is required", async () => {
    const config = requiring().replace("ssl_client_certs=2", "ssl_client_certs=1");
    await using daemon = await startDaemon(room, { config: config + COMMANDS, args: [] });
    expect(await checkTls(daemon.port, "-c", "ok")).toEqual({ status: 0, output: "fine\n" });
    const said = await sClient(daemon.port, "-tls1_3", ...asClient(pki.foreign));
    expect(said).toContain("alert unknown ca");
    for (const version of VERSIONS) {
      const shown = ["-C", pki.expired.cert, "-K", pki.expired.key, "-S", version];
      expect((await checkTls(daemon.port, ...shown, "-c", "ok")).status).toBe(3);
    }
  });

  test("leaves no connection open, and clients with a good one are served afterwards", async () => {
    const { cert, key } = pki.good;
    for (const mode of MODES) {
      expect(await checkTls(served.ports[mode], "-C", cert, "-K", key, "-c", "ok"))
        .toEqual({ status: 0, output: "fine\n" });
    }
    // Of a wait service whose process ends when it has no connection, and of inetd's processes.
    await waitUntil("nobody is served any more", () => connectionsOf(served).length === 0);
  });
});

describe.skipIf(missing)("where the handshake fails,", () => {
  let served: Everywhere;

  beforeAll(async () => {
    served = await startEverywhere(certificate(pki.server) + COMMANDS);
  });

  afterAll(() => served?.[Symbol.asyncDispose]());

  test.each(MODES)("%s sends the client an alert", async (mode) => {
    const port = served.ports[mode];
    const old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    expect(await sClient(port, ...old)).toContain("alert protocol version");
    expect(await sClient(port, "-tls1_2", "-cipher", "ADH:@SECLEVEL=0"))
      .toContain("alert handshake failure");
  });

  test.each(MODES)("%s does not reset what the client sends late", async (mode) => {
    expect(await writeAfterTheEnd(served.ports[mode])).toBe("taken");
  });

  test.each(MODES)(
    "%s does not wait for a client that stays, nor read without end",
    async (mode) => {
      for (const more of [0, 64 * 1024 * 1024]) {
        const client = connect({
          port: served.ports[mode],
          host: "127.0.0.1",
          allowHalfOpen: true,
        });
        const ended = Promise.withResolvers<void>();
        let reset = false;
        client.on("error", () => void (reset = true)).on("data", () => {}).on("end", ended.resolve);
        client.write("GET / HTTP/1.0\r\n\r\n");
        await ended.promise;
        expect(connectionsOf(served)).not.toEqual([]);
        if (more > 0) client.write(new Uint8Array(more));
        await waitUntil("it is gone", () => connectionsOf(served).length === 0);
        if (more > 0) await waitUntil("the client notices", () => reset);
        client.destroy();
      }
    },
  );

  test.each(MODES)("%s logs that the client does not accept its certificate", async (mode) => {
    const { ports, log, logged } = served;
    const foreignCa = join(room.path, "foreign-ca.crt");
    for (const version of VERSIONS) {
      const from = log(mode).length;
      const { status } = await checkTls(ports[mode], "-A", foreignCa, "-S", version, "-c", "ok");
      expect(status).not.toBe(0);
      await logged(
        mode,
        /Could not complete SSL handshake with 127\.0\.0\.1: the client does not accept the agent's certificate \(alert unknown_ca\)/,
        from,
      );
    }
    expect(log(mode)).not.toContain("BAD_PACKET_LENGTH");
  });

  test.each(MODES)("%s logs that the client is a plain one, and what to change", async (mode) => {
    const from = served.log(mode).length;
    await checkNrpe(served.ports[mode], "-c", "ok");
    await served.logged(
      mode,
      /this is not TLS: a plain client\? Then use check_nrpe without -n, or the agent with -n or ssl_enabled=0/,
      from,
    );
  });
});

describe.skipIf(missing)("a TLS client of a plain service", () => {
  const invalid = "Error: Request packet version was invalid!";

  test.each(
    [
      [["-n"], "", "the agent's option -n"],
      [[], "ssl_enabled=0\n", "ssl_enabled=0 in nrpe.cfg"],
    ] as const,
  )("is logged as one, with what makes the service plain: %j %j", async (args, config, plain) => {
    await using served = await startEverywhere(config + COMMANDS, { args });
    for (const mode of MODES) {
      await checkTls(served.ports[mode], "-c", "ok");
      const line =
        `Error: Client 127.0.0.1 speaks TLS, and this service is plain: use check_nrpe with -n, or do without ${plain}`;
      await waitUntil(`${mode} names it`, () => served.log(mode).includes(line));
      expect(served.log(mode)).toContain(invalid);
    }
  });

  test("is not what the log calls a client that sends something else", async () => {
    await using daemon = await startDaemon(room, { config: COMMANDS });
    const socket = await open(daemon.port);
    socket.write("GET / HTTP/1.0\r\n\r\n");
    await daemon.logged(/Client request from 127\.0\.0\.1 was invalid/);
    socket.destroy();
    expect(daemon.log()).toContain(invalid);
    expect(daemon.log()).not.toContain("speaks TLS");
  });
});

describe.skipIf(missing)("the host's name", () => {
  /** A command that becomes another where the kernel's name cannot be read from /proc. */
  const nameless = ["unshare", "-m", "sh", "-c"];
  const hide = 'mount -t tmpfs none /proc/sys/kernel && exec "$@"';

  const host = Bun.spawnSync(["uname", "-n"]).stdout.toString().trim();

  test.each([
    ["is not asked for with a certificate", () => certificate(pki.server), "server"],
    ["comes from the kernel itself without one", () => "", host],
  ])("%s", async (_, config, subject) => {
    const within = [...nameless, hide, "sh"];
    await using daemon = await startDaemon(room, { config: config() + COMMANDS, args: [], within });
    expect((await ask(daemon.port, "ok", { tls: {} })).text).toBe("fine");
    const shown = Bun.spawnSync(["openssl", "s_client", "-connect", `127.0.0.1:${daemon.port}`], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(shown.stdout.toString()).toContain(`CN = ${subject}\n`);
  });
});

describe.skipIf(missing)("a state file", () => {
  let files = 0;
  const stateFile = () => {
    const directory = join(room.path, "kept");
    Bun.spawnSync(["install", "-d", "-o", "nagios", directory]);
    return join(directory, `tls-${++files}.pem`);
  };
  const start = (file: string) =>
    startDaemon(room, { config: `tls_state_file=${file}\n${COMMANDS}`, args: [] });
  const put = (file: string, text: string) => {
    writeFileSync(file, text, { mode: 0o600 });
    Bun.spawnSync(["chown", "nagios", file]);
  };
  const fits = (text: string) =>
    new X509Certificate(text.slice(text.indexOf("-----BEGIN CERT")))
      .checkPrivateKey(createPrivateKey(text));

  test("of the agent's own making whose key does not fit is reported and replaced", async () => {
    const file = stateFile();
    {
      await using first = await start(file);
      expect((await ask(first.port, "ok", { tls: {} })).text).toBe("fine");
    }
    const made = readFileSync(file, "latin1");
    expect(fits(made)).toBe(true);
    const key = readFileSync(pki.good.key, "latin1");
    put(file, key + made.slice(made.indexOf("-----BEGIN CERT")));
    await using daemon = await start(file);
    expect((await ask(daemon.port, "ok", { tls: {} })).text).toBe("fine");
    expect(daemon.log()).toContain(
      `Warning: tls_state_file '${file}' has been replaced: its key is not its certificate's`,
    );
    const replaced = readFileSync(file, "latin1");
    expect(replaced).not.toContain(made.slice(0, 100));
    expect(fits(replaced)).toBe(true);
  });

  test("that may be another program's is reported and left as it is", async () => {
    const file = stateFile();
    const content = readFileSync(pki.good.key, "latin1") + readFileSync(pki.ca.cert, "latin1");
    put(file, content);
    await using daemon = await start(file);
    expect((await ask(daemon.port, "ok", { tls: {} })).text).toBe("fine");
    expect(daemon.log()).toContain(
      `Warning: Cannot use tls_state_file '${file}': its key is not its certificate's, and it is not one of the agent's making`,
    );
    expect(readFileSync(file, "latin1")).toBe(content);
  });
});

/** The C agent as a daemon. */
async function startReference(config: string) {
  const [port] = freePorts(1) as [number];
  const file = room.file(
    "reference.cfg",
    `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\n` +
      `pid_file=${room.path}/reference.pid\ndisable_syslog=1\n${config}${COMMANDS}`,
  );
  const agent = Bun.spawn([PEERS.agent.path, "-c", file, "-f"], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  await waitUntil("the C agent listens", () => isListening(port));
  return {
    port,
    async end() {
      agent.kill();
      await agent.exited;
    },
  };
}

/** The connections that some services still hold, as proc_net_tcp(5) lists them. */
function connectionsOf({ ports }: Everywhere): readonly string[] {
  const LISTEN = "0A";
  const own = Object.values(ports).map((port) => port.toString(16).toUpperCase().padStart(4, "0"));
  return readFileSync("/proc/net/tcp", "latin1").split("\n").filter((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    // Without an inode no process holds it any more.
    return own.includes(local?.split(":")[1] ?? "") && state !== LISTEN && inode !== "0";
  });
}

/** What becomes of bytes that a client of no protocol sends when the agent has ended the connection. */
function writeAfterTheEnd(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", ({ message }) => resolve(message));
  socket.on("data", () => {});
  socket.on("end", () => {
    // A reset is there when the first write is done; the second one meets it.
    socket.write("late", () =>
      socket.write("later", (error) => {
        resolve(error?.message ?? "taken");
        socket.destroy();
      }));
  });
  socket.write("GET / HTTP/1.0\r\n\r\n");
  return promise;
}
