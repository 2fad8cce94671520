/**
 * Shows the agent at work: a stand-in for inetd starts it on a loopback port, and a client asks it as
 * a monitoring server does, in every version of the protocol. Needs neither root nor any package.
 */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, ask } from "./client.ts";
import type { PacketVersion } from "../lib/protocol/packet.ts";

const PLUGINS = "/usr/lib/nagios/plugins";
const STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;

/** A check: the plugin of monitoring-plugins, or a line of shell if it is not installed. */
interface Check {
  readonly name: string;
  readonly plugin: string;
  readonly args: string;
  readonly otherwise: string;
}

const CHECKS: readonly Check[] = [
  {
    name: "check_load",
    plugin: "check_load",
    args: "-r -w 10,8,6 -c 20,16,12",
    otherwise: 'read one five rest < /proc/loadavg; echo "OK - load $one $five"',
  },
  {
    name: "check_disk",
    plugin: "check_disk",
    args: "-w 5% -c 1% -p /",
    otherwise: "df -P / | (read head; read device size used free percent rest; " +
      'echo "DISK OK - $percent of / used, $free KiB free")',
  },
  {
    name: "check_users",
    plugin: "check_users",
    args: "-w 5 -c 10",
    otherwise: 'echo "USERS OK - $(who | wc -l) users logged in"',
  },
  {
    name: "check_procs",
    plugin: "check_procs",
    args: "-w 1000 -c 2000",
    otherwise: 'set -- /proc/[0-9]*; echo "PROCS OK: $# processes"',
  },
];

/** `$` begins a macro in a command definition; `$$` is one `$`. */
const definition = ({ name, plugin, args, otherwise }: Check) =>
  existsSync(join(PLUGINS, plugin))
    ? `command[${name}]=${PLUGINS}/${plugin} ${args}`
    : `command[${name}]=${otherwise.replaceAll("$", "$$$$")}`;

/** The example of the Nagios FAQ: only the monitoring server, here on loopback, has access. */
const HOSTS_ALLOW = "nrpe: 127.0.0.1, 192.0.2.10\n";
const HOSTS_DENY = "nrpe: ALL\n";

const CONFIG = `# The demo's nrpe.cfg.
disable_syslog=1
${CHECKS.map(definition).join("\n")}
command[backup]=echo "BACKUP CRITICAL - the last one is three days old | age=72h"; exit 2
`;

interface Question {
  readonly version: PacketVersion;
  readonly text: string;
  readonly why: string;
}

const QUESTIONS: readonly Question[] = [
  { version: 4, text: "_NRPE_CHECK", why: "asks for the version of the agent" },
  { version: 4, text: "check_load", why: "as check_nrpe 4 asks" },
  { version: 3, text: "check_disk", why: "as check_nrpe 3 asks" },
  { version: 2, text: "check_users", why: "as check_nrpe 2 asks" },
  { version: 4, text: "check_procs", why: "once more in version 4" },
  { version: 4, text: "backup", why: "a check that fails keeps its state" },
  { version: 4, text: "reboot", why: "a command that nrpe.cfg does not define" },
  {
    version: 4,
    text: "check_disk!/etc",
    why: "arguments are not allowed: closed without an answer",
  },
];

function describe(answer: Answer): string {
  if (answer.kind === "closed") return "(connection closed)";
  const { code, text } = answer.response;
  return `${STATES[code]} (${code}): ${text}`;
}

const root = join(import.meta.dir, "..");
// The user that the agent runs as may not be able to read the checkout.
const room = mkdtempSync(join(tmpdir(), "nrpe-demo-"));
try {
  chmodSync(room, 0o755);
  const binary = join(room, "nrpe");
  const config = join(room, "nrpe.cfg");
  copyFileSync(join(root, "dist", "nrpe"), binary);
  const allow = join(room, "hosts.allow");
  const deny = join(room, "hosts.deny");
  writeFileSync(allow, HOSTS_ALLOW);
  writeFileSync(deny, HOSTS_DENY);
  writeFileSync(config, `${CONFIG}hosts_allow_file=${allow}\nhosts_deny_file=${deny}\n`);
  await using inetd = Bun.spawn(
    [process.execPath, join(root, "demo", "inetd.ts"), binary]
      .concat(["nrpe", "-n", "-c", config, "--inetd"]),
    { stdout: "pipe", stderr: "inherit", cwd: "/" },
  );
  const reader = inetd.stdout.getReader();
  const port = Number(new TextDecoder().decode((await reader.read()).value));
  console.log(`inetd serves nrpe on 127.0.0.1:${port}, with this nrpe.cfg:\n`);
  for (const line of CONFIG.trimEnd().split("\n").slice(1)) console.log(`    ${line}`);
  for (const { version, text, why } of QUESTIONS) {
    const answer = await ask({ version, text }, port);
    console.log(`\nv${version}  ${text}    ${why}\n    -> ${describe(answer)}`);
  }
  console.log(
    "\nWhat hosts.allow and hosts.deny decide for this client, and for another one:\n",
  );
  for (const client of ["127.0.0.1", "192.0.2.66"]) {
    console.log(`$ nrpe --check-access ${client}`);
    const check = Bun.spawnSync(
      [
        binary,
        "--check-access",
        "--hosts-allow",
        "hosts.allow",
        "--hosts-deny",
        "hosts.deny",
        client,
      ],
      { cwd: room },
    );
    console.log(`${check.stdout}exit status ${check.exitCode}\n`);
  }
  console.log("Done.");
} finally {
  rmSync(room, { recursive: true, force: true });
}
