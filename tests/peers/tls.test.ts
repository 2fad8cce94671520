/** TLS as check_nrpe, openssl s_client and the runtime's own client speak it, in every mode. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CHECK_PATIENCE, checkNrpe } from "../support/check_nrpe.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { ask, open } from "../support/ask.ts";
import { type Inetd, startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makePki, type Pair, type Pki } from "../support/pki.ts";
import { freePorts } from "../support/ports.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { tap } from "../support/tap.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("checkNrpe", "inetd", "openssl");

const COMMANDS =
  "command[ok]=echo fine\ncommand[big]=head -c 70000 /dev/zero | tr '\\0' x; exit 2\n";

let room: Room;
let pki: Pki;
const daemons: Daemon[] = [];

beforeAll(() => {
  if (missing) return;
  room = makeRoom();
  pki = makePki(room);
});

afterAll(async () => {
  for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
  room?.[Symbol.dispose]();
});

async function start(config: string): Promise<Daemon> {
  const daemon = await startDaemon(room, { config: config + COMMANDS, args: [] });
  daemons.push(daemon);
  return daemon;
}

const certificate = ({ cert, key }: Pair) => `ssl_cert_file=${cert}\nssl_privatekey_file=${key}\n`;

/** check_nrpe over TLS. */
async function checkTls(port: number, ...args: string[]) {
  const check = Bun.spawn(
    [
      ...[PEERS.checkNrpe.path, "-H", "127.0.0.1", "-p", String(port)],
      ...["-t", CHECK_PATIENCE, ...args],
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const output = await new Response(check.stdout).text();
  return { status: await check.exited, output };
}

/** What openssl s_client says about a handshake. */
async function sClient(port: number, ...args: string[]): Promise<string> {
  const client = Bun.spawn(
    ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-no_ign_eof", ...args],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const [out, err] = await Promise.all([
    new Response(client.stdout).text(),
    new Response(client.stderr).text(),
  ]);
  await client.exited;
  return out + err;
}

describe.skipIf(missing)("check_nrpe over TLS", () => {
  let inetd: Inetd;
  const ports: Record<string, number> = {};

  beforeAll(async () => {
    const config = room.file(
      "inetd.cfg",
      `wait_idle_timeout=1\n${certificate(pki.server)}${COMMANDS}`,
    );
    const argv = ["nrpe", "-c", config, "--inetd"];
    const service = { user: "nagios", program: room.binary, argv };
    inetd = await startInetd(room, [service, { ...service, wait: true }]);
    [ports.nowait, ports.wait] = inetd.ports as [number, number];
    ports.daemon = (await start(certificate(pki.server))).port;
  });

  afterAll(() => inetd?.[Symbol.asyncDispose]());

  test.each(["nowait", "wait", "daemon"])("%s answers every version", async (mode) => {
    for (const version of [["-2"], ["-3"], []]) {
      expect(await checkTls(ports[mode]!, ...version, "-c", "ok"))
        .toEqual({ status: 0, output: "fine\n" });
    }
    const { status, output } = await checkTls(ports[mode]!, "-c", "big");
    expect(status).toBe(2);
    expect(output).toBe(`${"x".repeat(65535)}\n`);
  });

  test.each(["nowait", "wait", "daemon"])("%s loses no check of fifty in a row", async (mode) => {
    for (let time = 0; time < 50; time++) {
      expect((await ask(ports[mode]!, "ok", { tls: {} })).text).toBe("fine");
    }
  });

  test.each(["nowait", "wait", "daemon"])(
    "%s sends the response and its goodbye in one segment, and no session tickets",
    async (mode) => {
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        expect(await tap(ports[mode]!, "ok", version)).toEqual({ segments: 1, records: 2 });
      }
    },
  );

  test.each(["nowait", "wait", "daemon"])("%s shows the chain", async (mode) => {
    const said = await sClient(ports[mode]!, "-CAfile", pki.ca.cert, "-verify_return_error");
    expect(said).toContain("Verify return code: 0 (ok)");
  });
});

describe.skipIf(missing)("a daemon with TLS", () => {
  const old = ["-cipher", "ALL:@SECLEVEL=0"];

  test("speaks TLS 1.2 and 1.3 by default, and not 1.1", async () => {
    const daemon = await start(certificate(pki.server));
    expect(await sClient(daemon.port, "-tls1_3")).toContain("New, TLSv1.3");
    expect(await sClient(daemon.port, "-tls1_2")).toContain("New, TLSv1.2");
    expect(await sClient(daemon.port, "-tls1_1", ...old)).toContain("Cipher is (NONE)");
    await daemon.logged(/Could not complete SSL handshake with 127\.0\.0\.1: .*ssl_version/);
  });

  test.each([["TLSv1.3", "-tls1_3", "-tls1_2"], ["TLSv1.2", "-tls1_2", "-tls1_3"]])(
    "speaks one version only with ssl_version=%s",
    async (version, same, other) => {
      const { port } = await start(`${certificate(pki.server)}ssl_version=${version}\n`);
      expect(await sClient(port, same)).toContain(`New, ${version}`);
      expect(await sClient(port, other)).toContain("Cipher is (NONE)");
    },
  );

  test("speaks TLS 1.0 and 1.1 too with ssl_version=TLSv1+", async () => {
    const { port } = await start(`${certificate(pki.server)}ssl_version=TLSv1+\n`);
    for (const [option, version] of [["-tls1", "TLSv1"], ["-tls1_1", "TLSv1.1"]] as const) {
      expect(await sClient(port, option, ...old))
        .toMatch(new RegExp(`Protocol *: ${version.replace(".", "\\.")}\n *Cipher *: ECDHE-`));
    }
  });

  test("has the ciphers of ssl_cipher_list, without OpenSSL's security level", async () => {
    const list = "ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0";
    const { port } = await start(`${certificate(pki.server)}ssl_cipher_list=${list}\n`);
    expect(await sClient(port, "-tls1_2")).toContain("Cipher is ECDHE-ECDSA-AES128-GCM-SHA256");
    expect(await sClient(port, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"))
      .toContain("Cipher is (NONE)");
  });

  test("logs why a client with anonymous DH only, a plain one and one that leaves have failed", async () => {
    const daemon = await start("");
    await sClient(daemon.port, "-tls1_2", "-cipher", "ADH:@SECLEVEL=0");
    await daemon.logged(/no shared cipher: a client that offers only anonymous DH/);
    await checkNrpe(daemon.port, "-c", "ok");
    await daemon.logged(/this is not TLS: a plain client\?/);
    const socket = await open(daemon.port);
    socket.destroy();
    await daemon.logged(/handshake with 127\.0\.0\.1: the client closed the connection/);
  });
});

describe.skipIf(missing)("a client", () => {
  const trust = () =>
    `${certificate(pki.server)}ssl_cacert_file=${pki.ca.cert}\nssl_logging=0x3f\n`;
  const withPair = ({ cert, key }: Pair) => ({
    tls: { cert: readFileSync(cert), key: readFileSync(key) },
  });

  test("with a good certificate is served and logged, whether it is asked for or required", async () => {
    for (const mode of [1, 2]) {
      const daemon = await start(`${trust()}ssl_client_certs=${mode}\n`);
      expect((await ask(daemon.port, "ok", withPair(pki.good))).text).toBe("fine");
      await daemon.logged(/SSL Client 127\.0\.0\.1 Cert Name: \/O=Test\/CN=good/);
      await daemon.logged(/SSL Client 127\.0\.0\.1 Cert Issuer: \/O=Test\/CN=ca/);
      const { cert, key } = pki.good;
      const checked = await checkTls(daemon.port, "-C", cert, "-K", key, "-c", "ok");
      expect(checked).toEqual({ status: 0, output: "fine\n" });
    }
  });

  test("without a certificate is served where it is asked for, and not where it is required", async () => {
    const asking = await start(`${trust()}ssl_client_certs=1\n`);
    expect((await ask(asking.port, "ok", { tls: {} })).text).toBe("fine");
    const requiring = await start(`${trust()}ssl_client_certs=2\n`);
    await expect(ask(requiring.port, "ok", { tls: {} })).rejects.toThrow();
    await requiring.logged(/handshake with 127\.0\.0\.1: the client did not present a certificate/);
  });

  test.each(
    [["expired", /has expired/], ["foreign", /it is signed by no CA of ssl_cacert_file/]] as const,
  )("with a certificate that is %s is not served", async (kind, why) => {
    for (const mode of [1, 2]) {
      const daemon = await start(`${trust()}ssl_client_certs=${mode}\n`);
      await expect(ask(daemon.port, "ok", withPair(pki[kind]))).rejects.toThrow();
      await daemon.logged(/has an invalid certificate: \/O=Test\/CN=/);
      await daemon.logged(why);
    }
  });
});

describe.skipIf(missing)("TLS", () => {
  test("keeps a certificate of the agent's making in tls_state_file, for its user only", async () => {
    const directory = join(room.path, "state");
    Bun.spawnSync(["install", "-d", "-o", "nagios", directory]);
    const file = join(directory, "tls.pem");
    const shown = async () => {
      const daemon = await start(`tls_state_file=${file}\n`);
      expect(daemon.log()).toContain(file);
      return /-----BEGIN CERTIFICATE-----[^-]*/.exec(await sClient(daemon.port))![0];
    };
    const first = await shown();
    expect(await shown()).toBe(first);
    const { mode, uid } = statSync(file);
    expect(mode & 0o777).toBe(0o600);
    expect(uid).toBe(Number(Bun.spawnSync(["id", "-u", "nagios"]).stdout.toString()));
    room.file("state/tls.pem", "damaged");
    expect(await shown()).not.toBe(first);
    // A damaged private key, which a comparison of the public keys does not show.
    const lines = readFileSync(file, "latin1").split("\n");
    lines[1] = lines[1]!.slice(0, -4) + (lines[1]!.endsWith("AAAA") ? "BBBB" : "AAAA");
    room.file("state/tls.pem", lines.join("\n"));
    const daemon = await start(`tls_state_file=${file}\n`);
    expect(daemon.log()).toContain("has been replaced");
    expect((await ask(daemon.port, "ok", { tls: {} })).text).toBe("fine");
  });

  test.each<[string, (pki: Pki) => string, RegExp]>([
    [
      "a missing certificate",
      () => "ssl_cert_file=/nonexistent\n",
      /certificate file \/nonexistent/,
    ],
    [
      "a key that is none",
      ({ server, ca }) => `ssl_cert_file=${server.cert}\nssl_privatekey_file=${ca.cert}\n`,
      /private key file/,
    ],
    [
      "a key of another certificate",
      ({ server, ca }) => certificate({ cert: server.cert, key: ca.key }),
      /key is not the certificate's/,
    ],
    [
      "no CA",
      ({ server }) => `${certificate(server)}ssl_client_certs=2\n`,
      /CA certificate required/,
    ],
    [
      "a CA that is none",
      ({ server }) => `${certificate(server)}ssl_cacert_file=${server.key}\n`,
      /CA certificate file/,
    ],
    [
      "an empty cipher list",
      ({ server }) => `${certificate(server)}ssl_cipher_list=NONESUCH\n`,
      /cipher list 'NONESUCH'/,
    ],
  ])(
    "cannot be set up with %s: the exit status is 2, and the reason is printed",
    (_, config, reason) => {
      const [port] = freePorts(1);
      const path = room.file("wrong.cfg", `nrpe_user=nagios\nserver_port=${port}\n${config(pki)}`);
      const agent = Bun.spawnSync([room.binary, "-c", path, "-d"], { cwd: "/", timeout: 120_000 });
      expect(agent.stderr.toString()).toMatch(reason);
      expect(agent.exitCode).toBe(2);
    },
  );
});

describe.skipIf(missing)("SIGHUP", () => {
  test("keeps a pair that root alone may read, applies the rest, and takes no other such pair", async () => {
    const own = (name: string, pair: Pair): Pair => ({
      cert: room.file(`${name}.crt`, readFileSync(pair.cert)),
      key: room.file(`${name}.key`, readFileSync(pair.key), 0o600),
    });
    const pair = own("secret", pki.good);
    const daemon = await start(certificate(pair));
    const reload = async (config: string, said: RegExp) => {
      const from = daemon.log().length;
      daemon.configure(config);
      daemon.signal("SIGHUP");
      await daemon.logged(said, from);
    };
    // Renewed, with a certificate that the agent may read: the old one goes with the old key only.
    own("secret", pki.server);
    await reload(
      `${certificate(pair)}ssl_version=TLSv1.2\ncommand[new]=echo new\n`,
      /Warning: could not use private key file '.*secret\.key' : open.*: Permission denied; .* a restart is needed/,
    );
    expect((await ask(daemon.port, "new", { tls: {} })).text).toBe("new");
    const said = await sClient(daemon.port);
    expect(said).toContain("CN = good");
    expect(said).toContain("New, TLSv1.2");
    await reload(
      `${certificate(own("other", pki.server))}command[new]=echo newer\n`,
      /could not use private key file '.*other\.key' : open[^]*the old configuration stays/,
    );
    expect((await ask(daemon.port, "new", { tls: {} })).text).toBe("new");
    await reload(
      `${certificate({ ...pair, key: join(room.path, "other.key") })}command[new]=echo newer\n`,
      /could not use private key file '.*other\.key' : open[^]*the old configuration stays/,
    );
    expect((await ask(daemon.port, "new", { tls: {} })).text).toBe("new");
    // Readable, it is read.
    own("secret", pki.server);
    Bun.spawnSync(["chown", "nagios", pair.key]);
    await reload(`${certificate(pair)}command[new]=echo newest\n`, /SSL\/TLS initialized/);
    await waitUntil(
      "the newest command",
      async () => (await ask(daemon.port, "new", { tls: {} })).text === "newest",
    );
    expect(await sClient(daemon.port)).toContain("CN = server");
  });

  test("applies another certificate, and turns TLS off", async () => {
    const daemon = await start(certificate(pki.good));
    expect(await sClient(daemon.port)).toContain("CN = good");
    daemon.configure(certificate(pki.server) + COMMANDS);
    let from = daemon.log().length;
    daemon.signal("SIGHUP");
    await daemon.logged(/SSL\/TLS initialized/, from);
    expect(await sClient(daemon.port)).toContain("CN = server");
    daemon.configure(`ssl_enabled=0\n${COMMANDS}`);
    from = daemon.log().length;
    daemon.signal("SIGHUP");
    await daemon.logged(/NOT initialized/, from);
    expect((await ask(daemon.port, "ok")).text).toBe("fine");
  });
});
