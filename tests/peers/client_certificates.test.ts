/** Which client certificates may connect: ssl_allowed_subjects and ssl_crl_file, in every mode. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../support/ask.ts";
import { CHECK_PATIENCE } from "../support/check_nrpe.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { type Everywhere, MODES, startEverywhere } from "../support/everywhere.ts";
import { parseExposition } from "../support/exposition.ts";
import { startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { issue, type Issued, makeCrl, makePki, type Pair, type Pki } from "../support/pki.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { sClient } from "../support/s_client.ts";
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

const requiring = (certs = 2, ca = pki.ca.cert) =>
  `ssl_cert_file=${pki.server.cert}\nssl_privatekey_file=${pki.server.key}\n` +
  `ssl_cacert_file=${ca}\nssl_client_certs=${certs}\ncommand[ok]=echo fine\n`;

/** check_nrpe with a client's certificate. */
async function checkAs({ cert, key }: Pair, port: number, ...args: string[]) {
  const check = Bun.spawn(
    [
      ...["env", "--default-signal=PIPE", PEERS.checkNrpe.path],
      ...["-H", "127.0.0.1", "-p", String(port), "-t", CHECK_PATIENCE],
      ...["-C", cert, "-K", key, "-c", "ok", ...args],
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const output = await new Response(check.stdout).text();
  return { status: await check.exited, output };
}

const FINE = { status: 0, output: "fine\n" };

const asClient = ({ cert, key }: Pair) => ["-cert", cert, "-key", key];

describe.skipIf(missing)("ssl_allowed_subjects", () => {
  let served: Everywhere;
  const clients: Record<string, Pair> = {};
  const CLIENTS: Readonly<Record<string, readonly [Issued, served: boolean]>> = {
    "a name of the list": [{ subject: "/O=Test/CN=mon1.example.org" }, true],
    "a name of an alternative": [
      { subject: "/CN=x", alternatives: "DNS:other.example,DNS:A.Proxy.example" },
      true,
    ],
    "an address": [{ subject: "/CN=x", alternatives: "IP:192.0.2.7" }, true],
    "a comma in its name": [{ subject: "/CN=Doe, John" }, true],
    "another name": [{ subject: "/CN=host.example.org" }, false],
    "no name": [{ subject: "/O=Test" }, false],
    "more labels": [{ subject: "/CN=mon.a.example.org" }, false],
    "a name with the right one in its value": [
      { subject: "/CN=x\\/CN=mon1.example.org" },
      false,
    ],
    "the right name and another one": [
      { subject: "/CN=mon1.example.org/CN=host.example.org" },
      false,
    ],
    "the right name in another attribute": [{ subject: "/OU=mon1.example.org/CN=x" }, false],
    "the right name as an alternative of another kind": [
      { subject: "/CN=x", alternatives: "email:a.proxy.example,URI:a.proxy.example" },
      false,
    ],
  };

  beforeAll(async () => {
    served = await startEverywhere(
      `${requiring()}ssl_allowed_subjects=CN=mon*.example.org, DNS:*.proxy.example\n` +
        `ssl_allowed_subjects="CN=Doe, John",IP:192.0.2.7\n`,
    );
    for (const [name, [wanted]] of Object.entries(CLIENTS)) {
      clients[name] = issue(room, pki.ca, wanted);
    }
  });

  afterAll(() => served?.[Symbol.asyncDispose]());

  test.each(Object.entries(CLIENTS).map(([name, [, is]]) => [name, is] as const))(
    "of a client with %s: served is %p",
    async (name, isServed) => {
      for (const mode of MODES) {
        const result = await checkAs(clients[name]!, served.ports[mode]);
        if (isServed) expect({ mode, ...result }).toEqual({ mode, ...FINE });
        else expect({ mode, output: result.output }).not.toEqual({ mode, output: FINE.output });
      }
    },
  );

  test.each(MODES)("are logged by %s with the names of who is refused", async (mode) => {
    const forged = "a name with the right one in its value";
    await checkAs(clients[forged]!, served.ports[mode]);
    await served.logged(
      mode,
      /SSL Client 127\.0\.0\.1 is refused: none of its names is in ssl_allowed_subjects: CN=x\/CN=mon1\.example\.org \(issuer=\/O=Test\/CN=ca\)/,
    );
  });

  test("refuse with the alert access_denied", async () => {
    const { cert, key } = clients["another name"]!;
    const said = await sClient(served.ports.daemon, "-tls1_3", "-cert", cert, "-key", key);
    expect(said).toContain("SSL alert number 49");
  });

  test.each([
    ["ssl_client_certs=1\n", [], /it needs ssl_client_certs=2/],
    ["ssl_enabled=0\n", [], /it needs TLS, which ssl_enabled=0 turns off/],
    ["", ["-n"], /ssl_allowed_subjects needs TLS, which the option -n turns off/],
  ])("are an error with %j and %j, in every mode", async (more, args, reason) => {
    const list = "ssl_allowed_subjects=CN=x\n";
    const config = room.file("wrong.cfg", `nrpe_user=nagios\n${requiring()}${list}${more}`);
    const daemon = Bun.spawnSync([room.binary, ...args, "-c", config, "-d"], { timeout: 60_000 });
    expect(daemon.stderr.toString()).toMatch(reason);
    expect(daemon.exitCode).toBe(2);
    const reload = await reloaded(requiring(), requiring() + list + more, args);
    if (args.length === 0) expect(reload).toMatch(reason);
  });

  /** What a daemon logs at a reload. */
  async function reloaded(before: string, after: string, args: readonly string[]): Promise<string> {
    await using daemon = await startDaemon(room, { config: before, args });
    daemon.configure(after);
    const from = daemon.log().length;
    daemon.signal("SIGHUP");
    await daemon.logged(/the old configuration stays/, from);
    return daemon.log().slice(from);
  }

  test("let nobody in under inetd with -n", async () => {
    const config = room.file("plain.cfg", `${requiring()}ssl_allowed_subjects=CN=x\n`);
    const argv = ["nrpe", "-n", "-c", config, "--inetd"];
    const service = { user: "nagios", program: room.binary, argv };
    await using inetd = await startInetd(room, [service, { ...service, wait: true }]);
    for (const port of inetd.ports) {
      await expect(ask(port, "ok")).rejects.toThrow();
      await inetd.syslog.until(/ssl_allowed_subjects needs TLS, which the option -n turns off/);
    }
  });
});

describe.skipIf(missing)("ssl_crl_file", () => {
  let revoked: Pair;
  let good: Pair;
  let between: Pair;
  const daemons: Daemon[] = [];

  beforeAll(() => {
    good = issue(room, pki.ca, { subject: "/CN=good" });
    revoked = issue(room, pki.ca, { subject: "/CN=revoked" });
    between = { cert: join(room.path, "between.crt"), key: join(room.path, "between.key") };
  });

  afterAll(async () => {
    for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
  });

  const listOf = (name: string, ...crls: readonly string[]) => room.file(name, crls.join(""));

  async function start(crl: string, config = requiring()): Promise<Daemon> {
    const daemon = await startDaemon(room, {
      config: `${config}ssl_crl_file=${crl}\n`,
      args: [],
    });
    daemons.push(daemon);
    return daemon;
  }

  test("refuses revoked certificates in every mode, and serves others", async () => {
    const crl = listOf("every.crl", makeCrl(room, pki.ca, { revoked: [revoked] }));
    await using served = await startEverywhere(`${requiring()}ssl_crl_file=${crl}\n`);
    for (const mode of MODES) {
      const port = served.ports[mode];
      for (const version of ["TLSv1.2", "TLSv1.3"]) {
        expect(await checkAs(good, port, "-S", version)).toEqual(FINE);
        expect((await checkAs(revoked, port, "-S", version)).output).not.toBe(FINE.output);
      }
      await served.logged(
        mode,
        /invalid certificate: \/CN=revoked \(issuer=\/O=Test\/CN=ca\) err=CERT_REVOKED: it has been revoked/,
      );
      expect(await sClient(port, "-tls1_3", ...asClient(revoked))).toContain("SSL alert number 44");
    }
  });

  test("refuses revoked certificates also where one is only asked for", async () => {
    const crl = listOf("asked.crl", makeCrl(room, pki.ca, { revoked: [revoked] }));
    const { port } = await start(crl, requiring(1));
    expect(await checkAs(good, port)).toEqual(FINE);
    expect((await checkAs(revoked, port)).output).not.toBe(FINE.output);
  });

  test("that has expired refuses every certificate, which is logged at the start too", async () => {
    const crl = listOf("old.crl", makeCrl(room, pki.ca, { from: -7200, until: -3600 }));
    const daemon = await start(crl);
    expect(daemon.log()).toMatch(
      /Warning: ssl_crl_file '.*old\.crl': the CRL of O=Test, CN=ca expired at .*: all client certificates of that CA are refused/,
    );
    expect((await checkAs(good, daemon.port)).output).not.toBe(FINE.output);
    await daemon.logged(/err=CRL_HAS_EXPIRED: the CRL of its CA in ssl_crl_file has expired/);
  });

  test("of one CA refuses the certificates of another", async () => {
    const foreign = {
      cert: join(room.path, "foreign-ca.crt"),
      key: join(room.path, "foreign-ca.key"),
    };
    const both = room.file(
      "both.crt",
      await Bun.file(pki.ca.cert).text() + await Bun.file(foreign.cert).text(),
    );
    const own = makeCrl(room, pki.ca, { revoked: [revoked] });
    const daemon = await start(listOf("one.crl", own), requiring(2, both));
    expect(daemon.log()).toMatch(/has no CRL of O=Test, CN=foreign-ca/);
    expect(await checkAs(good, daemon.port)).toEqual(FINE);
    expect((await checkAs(pki.foreign, daemon.port)).output).not.toBe(FINE.output);
    await daemon.logged(/err=UNABLE_TO_GET_CRL: ssl_crl_file has no CRL of its CA/);
    const two = await start(listOf("two.crl", own, makeCrl(room, foreign)), requiring(2, both));
    expect(await checkAs(pki.foreign, two.port)).toEqual(FINE);
    expect((await checkAs(revoked, two.port)).output).not.toBe(FINE.output);
  });

  test("is in the metrics with the time at which the first CA has no list any more", async () => {
    const directory = join(room.path, "metrics");
    Bun.spawnSync(["install", "-d", "-o", "nagios", directory]);
    const file = join(directory, "nrpe.prom");
    const both = makeCrl(room, pki.ca) + makeCrl(room, pki.ca, { until: 90 });
    const daemon = await start(
      listOf("metrics.crl", both),
      `metrics_file=${file}\n${requiring()}`,
    );
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    const samples = parseExposition(readFileSync(file, "latin1"));
    const left = samples.get("nrpe_crl_expiry_timestamp_seconds")! - Date.now() / 1000;
    expect(left / 86400).toBeWithin(4.9, 5);
  });

  test("is asked about every CA of the chain", async () => {
    const below = issue(room, between, { subject: "/CN=below" });
    const both = room.file(
      "chain.crt",
      await Bun.file(pki.ca.cert).text() + await Bun.file(between.cert).text(),
    );
    const lower = makeCrl(room, between);
    const fine = await start(listOf("fine.crl", makeCrl(room, pki.ca), lower), requiring(2, both));
    expect(await checkAs(below, fine.port)).toEqual(FINE);
    const upper = makeCrl(room, pki.ca, { revoked: [between] });
    const daemon = await start(listOf("chain.crl", upper, lower), requiring(2, both));
    expect((await checkAs(below, daemon.port)).output).not.toBe(FINE.output);
    await daemon.logged(/err=CERT_REVOKED/);
  });

  test("is read again at SIGHUP by a daemon, and when it changes by a wait service", async () => {
    const before = makeCrl(room, pki.ca);
    const after = makeCrl(room, pki.ca, { revoked: [good] });
    const crl = listOf("renewed.crl", before);
    await using served = await startEverywhere(
      `${requiring()}ssl_crl_file=${crl}\nwait_idle_timeout=60\n`,
    );
    const daemon = await start(crl);
    for (const port of [served.ports.wait, daemon.port]) {
      expect(await checkAs(good, port)).toEqual(FINE);
    }
    renameSync(listOf("new.crl", after), crl);
    expect(await checkAs(good, daemon.port)).toEqual(FINE);
    await waitUntil(
      "the wait service has noticed it",
      async () => (await checkAs(good, served.ports.wait)).output !== FINE.output,
    );
    const from = daemon.log().length;
    daemon.signal("SIGHUP");
    await daemon.logged(/SSL\/TLS initialized/, from);
    expect((await checkAs(good, daemon.port)).output).not.toBe(FINE.output);
    // A damaged list does not open the door.
    room.file("renewed.crl", after.slice(0, 200));
    daemon.signal("SIGHUP");
    await daemon.logged(/could not use CRL file[^]*the old configuration stays/, from);
    expect((await checkAs(good, daemon.port)).output).not.toBe(FINE.output);
  });

  const unusable: readonly [what: string, text: () => string, reason: RegExp][] = [
    ["a missing file", () => "", /CRL file '.*': .*No such file/],
    ["an empty file", () => "\n", /no PEM block of that kind is in it/],
    ["a certificate", () => "-----BEGIN CERTIFICATE-----\n", /no PEM block of that kind/],
    ["half a list", () => makeCrl(room, pki.ca).slice(0, 200), /a PEM block is damaged/],
    [
      "a damaged list",
      () => makeCrl(room, pki.ca).replace(/(X509 CRL-----\n.{20})....../, "$1AAAAAA"),
      /the CRL .*/,
    ],
    [
      "the list of an impostor",
      () => {
        const own = makeRoom();
        try {
          return makeCrl(own, makePki(own).ca);
        } finally {
          own[Symbol.dispose]();
        }
      },
      /the CRL of O=Test, CN=ca is not signed by that CA/,
    ],
    [
      "a partitioned list",
      () =>
        makeCrl(room, pki.ca, {
          extensions: "issuingDistributionPoint=critical,@p\n[p]\nonlyuser=TRUE",
        }),
      /has an issuingDistributionPoint/,
    ],
    [
      "an indirect list",
      () =>
        makeCrl(room, pki.ca, {
          extensions: "issuingDistributionPoint=critical,@p\n[p]\nindirectCRL=TRUE",
        }),
      /has an issuingDistributionPoint/,
    ],
    [
      "a delta list",
      () => makeCrl(room, pki.ca, { extensions: "2.5.29.27=critical,DER:020101" }),
      /is a delta CRL/,
    ],
    [
      "an unknown critical extension",
      () => makeCrl(room, pki.ca, { extensions: "1.2.3.4=critical,DER:0500" }),
      /has the critical extension 1\.2\.3\.4, which is not understood/,
    ],
  ];

  test.each(unusable)("cannot be %s", (_, text, reason) => {
    const content = text();
    const file = content === "" ? "/nonexistent" : room.file("unusable.crl", content);
    const config = room.file(
      "unusable.cfg",
      `nrpe_user=nagios\n${requiring()}ssl_crl_file=${file}\n`,
    );
    const agent = Bun.spawnSync([room.binary, "-c", config, "-d"], { timeout: 60_000 });
    expect(agent.stderr.toString()).toMatch(/could not use CRL file/);
    expect(agent.stderr.toString()).toMatch(reason);
    expect(agent.exitCode).toBe(2);
  });

  test("needs client certificates", () => {
    const crl = listOf("idle.crl", makeCrl(room, pki.ca));
    const config = room.file("idle.cfg", `nrpe_user=nagios\n${requiring(0)}ssl_crl_file=${crl}\n`);
    const agent = Bun.spawnSync([room.binary, "-c", config, "-d"], { timeout: 60_000 });
    expect(agent.stderr.toString()).toContain("ssl_crl_file needs ssl_client_certs=1 or 2");
    expect(agent.exitCode).toBe(2);
  });
});
