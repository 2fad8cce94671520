/** What each binary of a release has to do in a root directory of its own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECK_PATIENCE } from "../../tests/support/check_nrpe.ts";
import { startDaemon } from "../../tests/support/daemon.ts";
import { startInetd } from "../../tests/support/inetd.ts";
import { PEERS } from "../../tests/support/peers.ts";
import { freePorts, isListening } from "../../tests/support/ports.ts";
import type { Room } from "../../tests/support/room.ts";
import { waitUntil } from "../../tests/support/wait_until.ts";
import { expectEqual, expectThat } from "../boot/check.ts";
import { LIBRARIES } from "./libraries.ts";
import { AGENT_ID, FOE, FRIEND } from "./roots.ts";

/** A binary in its root directory, where /tmp with its room is as outside. */
export interface Subject {
  readonly room: Room;
  readonly root: string;
  readonly version: string;
  readonly commit: string;
  /**
   * Whether QEMU runs it, which refuses clone(2) without a signal at the end of the child: the agent then
   * starts no process, neither for a command nor for a look-up.
   */
  readonly emulated: boolean;
  readonly sbom: {
    readonly components: readonly { readonly name: string; readonly version?: string }[];
  };
}

export interface Check {
  readonly name: string;
  /** @throws {Error} when the binary does otherwise. */
  readonly check: (subject: Subject) => Promise<void>;
}

const MODES = ["nowait", "wait", "daemon"] as const;
type Mode = typeof MODES[number];

const CHROOT = "/usr/sbin/chroot";
/** How long a command may take, in milliseconds; an emulator takes its time. */
const LIMIT = 240_000;

interface Outcome {
  readonly status: number | null;
  readonly text: string;
}

async function say(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
    cwd: "/",
    timeout: LIMIT,
  });
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, text: out + error };
}

/** Runs the binary. */
const nrpe = ({ root, room }: Subject, ...args: readonly string[]) =>
  say([CHROOT, root, room.binary, ...args]);

async function saysVersion(subject: Subject): Promise<void> {
  const { text } = await nrpe(subject, "-V");
  expectEqual(
    `NRPE - Nagios Remote Plugin Executor
Version: ${subject.version} (nrpe-one)
Commit: ${subject.commit}
Runtime: Bun ${Bun.version}

`,
    text,
  );
}

/** The runtime of another target could have other libraries. */
async function hasParts({ root, room, sbom }: Subject): Promise<void> {
  const program = ["-p", "JSON.stringify(process.versions)"];
  const { text } = await say([CHROOT, root, room.binary, ...program], { BUN_BE_BUN: "1" });
  const versions = JSON.parse(text);
  for (const { name, key } of LIBRARIES) {
    if (key === undefined) continue;
    const component = sbom.components.find((component) => component.name === name);
    expectEqual(String(versions[key]), String(component?.version));
  }
}

interface Client {
  readonly name: string;
  readonly address: string;
}

/** What an agent that serves knows a client by. */
const known = ({ emulated }: Subject, { name, address }: Client) => emulated ? address : name;

/** Lines of nrpe.cfg, and the tables: the friend, and nobody else. */
function configure({ room }: Subject, friend: string): string {
  const allow = room.file("hosts.allow", `nrpe: ${friend}\n`);
  const deny = room.file("hosts.deny", "nrpe: ALL\n");
  return `hosts_allow_file=${allow}\nhosts_deny_file=${deny}\nwait_idle_timeout=5\n` +
    "command[plain]=/bin/echo plain\n";
}

async function decides(subject: Subject): Promise<void> {
  const config = subject.room.file("nrpe.cfg", configure(subject, FRIEND.name));
  const ask = async ({ address }: Client) =>
    (await nrpe(subject, "--check-access", "-c", config, "--lookup", address)).text;
  const [granted, denied] = [await ask(FRIEND), await ask(FOE)];
  expectThat(`it grants: ${granted}`, /^GRANTED/m.test(granted) && granted.includes(FRIEND.name));
  expectThat(`it denies: ${denied}`, /^DENIED/m.test(denied) && denied.includes(FOE.name));
}

/** Asks an agent with the real check_nrpe, from an address. */
function checkNrpe(port: number, tls: boolean, address: string, ...args: readonly string[]) {
  return say([
    ...[PEERS.checkNrpe.path, "-H", "127.0.0.1", "-p", String(port), "-b", address],
    ...["-t", CHECK_PATIENCE, ...tls ? [] : ["-n"], ...args],
  ]);
}

/** @throws {Error} unless an agent answers the friend, and refuses others with a line in its log. */
async function tryAgent(
  subject: Subject,
  port: number,
  tls: boolean,
  log: () => string,
): Promise<void> {
  const ask = (address: string, ...args: readonly string[]) =>
    checkNrpe(port, tls, address, ...args);
  const { text } = await ask(FRIEND.address);
  expectThat(`${text}is the version\n${log()}`, text === `NRPE v${subject.version}\n`);
  if (!subject.emulated) {
    expectEqual("plain\n", (await ask(FRIEND.address, "-c", "plain")).text);
  }
  const refused = await ask(FOE.address, "-c", "plain");
  expectThat(`it refuses: ${refused.text}`, refused.status !== 0 && !/plain/.test(refused.text));
  await waitUntil(
    "the refusal is logged",
    () => log().includes(`refused connect from ${known(subject, FOE)}`),
  );
}

const serves = (mode: Mode, tls: boolean) => async (subject: Subject) => {
  const { room, root } = subject;
  const args = tls ? [] : ["-n"];
  if (mode === "daemon") {
    await using daemon = await startDaemon(room, {
      config: configure(subject, known(subject, FRIEND)),
      args,
      within: [CHROOT, root],
    });
    return await tryAgent(subject, daemon.port, tls, daemon.log);
  }
  const log = room.file(`${mode}.log`, "");
  Bun.spawnSync(["chown", String(AGENT_ID), log]);
  const config = room.file(
    `${mode}.cfg`,
    `log_file=${log}\n${configure(subject, known(subject, FRIEND))}`,
  );
  const words = [`--userspec=${AGENT_ID}:${AGENT_ID}`, root, room.binary];
  await using inetd = await startInetd(room, [{
    user: "root",
    program: CHROOT,
    argv: ["chroot", ...words, ...args, "-c", config, "--inetd"],
    wait: mode === "wait",
  }]);
  await tryAgent(subject, inetd.ports[0]!, tls, () => readFileSync(log, "latin1"));
};

/** It returns when the agent serves, and the agent ends when it is told to. */
async function detaches(subject: Subject): Promise<void> {
  const { room } = subject;
  const [port] = freePorts(1) as [number];
  const pidFile = join(room.path, "nrpe.pid");
  const config = room.file(
    "daemon.cfg",
    `server_port=${port}\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\n` +
      `pid_file=${pidFile}\n${configure(subject, known(subject, FRIEND))}`,
  );
  const { status, text } = await nrpe(subject, "-n", "-c", config, "-d");
  expectThat(`it returns with ${status}: ${text}`, status === 0 && isListening(port));
  const pid = Number(readFileSync(pidFile, "latin1"));
  try {
    const { text } = await checkNrpe(port, false, FRIEND.address);
    expectEqual(`NRPE v${subject.version}\n`, text);
  } finally {
    process.kill(pid, "SIGTERM");
  }
  await waitUntil("it has ended", () => !isListening(port));
}

/** The same file by the name of check_nrpe asks an agent that is of the same file. */
async function asks(subject: Subject): Promise<void> {
  const { room, root, version } = subject;
  const program = join(room.path, "check_nrpe");
  Bun.spawnSync(["ln", room.binary, program]);
  await using daemon = await startDaemon(room, {
    config: configure(subject, known(subject, FRIEND)),
    args: [],
    within: [CHROOT, root],
  });
  const address = ["-H", "127.0.0.1", "-p", String(daemon.port), "-b", FRIEND.address];
  const { text } = await say([CHROOT, root, program, ...address, "-t", CHECK_PATIENCE]);
  expectEqual(`NRPE v${version}\n`, text);
}

/** The checks, in their order. */
export const CHECKS: readonly Check[] = [
  { name: "-V", check: saysVersion },
  { name: "parts as in the SBOM", check: hasParts },
  { name: "--check-access, by name", check: decides },
  ...MODES.flatMap((mode) => [
    { name: mode, check: serves(mode, false) },
    { name: `${mode}, TLS`, check: serves(mode, true) },
  ]),
  { name: "-d, and SIGTERM", check: detaches },
  { name: "as check_nrpe, TLS", check: asks },
];
