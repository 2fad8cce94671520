/** README.md and docs/: what they say to type is typed, and does what they say. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startInetdHost } from "../support/inetd_host.ts";
import { sectionsOf, shown, type Step } from "../support/pages.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room, ROOT } from "../support/room.ts";
import type { SyslogLine } from "../support/syslog.ts";
import { type Said, startSystemd } from "../support/systemd.ts";
import { waitUntil } from "../support/wait_until.ts";

/** A host that steps are done on. */
interface Host {
  run(...command: readonly string[]): Promise<Said>;
  logged?(pattern: RegExp): Promise<unknown>;
}

/** How long a command of a transcript is repeated until it prints what the page shows, milliseconds. */
const PATIENCE = 20_000;

let room: Room;
let stack: AsyncDisposableStack;

beforeEach(() => {
  stack = new AsyncDisposableStack();
  room = stack.use(makeRoom());
});

afterEach(() => stack.disposeAsync());

/** Follows steps; the files that come first are there when the host's services start. */
async function follow(steps: readonly Step[], host: Host, services = ":"): Promise<void> {
  let started = false;
  for (const step of steps) {
    if (step.kind !== "file" && !started) {
      await succeed(host, services);
      started = true;
    }
    await take(step, host);
  }
}

async function take(step: Step, host: Host): Promise<void> {
  switch (step.kind) {
    case "script":
      return await succeed(host, step.text);
    case "transcript":
      for (const { line, output } of step.commands) await print(host, line, output);
      return;
    case "log":
      for (const line of step.lines) await host.logged!(shown(line));
      return;
    case "file": {
      const how = step.added ? ">>" : ">";
      const write = `mkdir -p "$(dirname "$1")" && printf %s "$2" ${how} "$1"`;
      const { status } = await host.run("sh", "-c", write, "sh", step.path, step.text);
      expect(status).toBe(0);
    }
  }
}

async function succeed(host: Host, script: string): Promise<void> {
  const { status, text } = await host.run("sh", "-ec", script);
  if (status !== 0) throw new Error(`${script}ended with ${status}: ${text}`);
}

/** Runs a command until it prints what the page shows: a signal or a start before it takes its time. */
async function print(host: Host, line: string, output: string): Promise<void> {
  const wanted = shown(output);
  for (const end = Date.now() + PATIENCE;; await Bun.sleep(100)) {
    const { text } = await host.run("sh", "-c", line);
    if (wanted.test(text)) return;
    if (Date.now() > end) expect(`$ ${line}\n${text}`).toEqual(`$ ${line}\n${output}`);
  }
}

/** Sections of pages, which are followed on one host in this order, and shell text to begin with. */
type Walk = readonly [page: string, headings: readonly string[], before: string];

/** The line of inetd.conf for the agent with some arguments, as the first words of a shell command. */
function served(...args: readonly string[]): string {
  const line = ["nrpe stream tcp nowait.10000 nagios /usr/local/bin/nrpe nrpe", ...args];
  return `echo '${line.join(" ")} -c /etc/nagios/nrpe.cfg --inetd' > /etc/inetd.conf`;
}

const PLAIN = served("-n");
/** Commands that fail, and one that takes long, with a short time-out. */
const FAILING = `${PLAIN}; cd /etc/nagios; sed -i s/^command_timeout=.*/command_timeout=2/ nrpe.cfg
echo 'command[check_slow]=/bin/sleep 60' >> nrpe.cfg
echo 'command[check_private]=/bin/ls /root' >> nrpe.cfg
echo 'command[check_missing]=/usr/lib/nagios/plugins/check_none -w 1' >> nrpe.cfg`;
/** A host that --doctor finds nothing wrong with. */
const SOUND = `${PLAIN}; sed -i '/^allowed_hosts/d; /^pid_file/d' /etc/nagios/nrpe.cfg
echo nrpe: ALL > /etc/hosts.deny; echo nrpe: 127.0.0.1 > /etc/hosts.allow`;
const OWN_CERTIFICATE =
  `mount -t tmpfs -o mode=700 root /root; mkdir /root/nrpe-ca; cd /root/nrpe-ca
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=monitor -keyout monitor.key -out monitor.pem`;
const NO_ALLOWED_HOSTS = "sed -i /^allowed_hosts/d /etc/nagios/nrpe.cfg";
const DENIED = "echo nrpe: ALL > /etc/hosts.deny";
const F0101 = "echo nrpe: 192.0.2.10 > /etc/hosts.allow; echo nrpe: ALL > /etc/hosts.deny; ";
/** Sections that are followed elsewhere, or where the reader has to fill something in. */
const NOT_FOLLOWED: readonly string[] = [
  // What builds and tests the checkout is what runs this test.
  "README.md: Build",
  "CONTRIBUTING.md: Build and test",
  "CONTRIBUTING.md: Under inetd every start counts",
  "docs/next-runtime.md: How to tell that a version has it",
  "docs/next-runtime.md: Try a version",
  // It takes a release.
  "docs/upgrading.md: Verify a download",
  // Their exit status is the state of the machine.
  "docs/operation.md: Run one command",
  // A link on one file system; the tests of tcpd and check_nrpe make it.
  "docs/operation.md: By another name",
  "docs/operation.md: check_nrpe",
];

/** /usr/sbin and the package database, to be changed; what is called a service is an init script. */
const DEBIAN = `for path in /usr/sbin /var/lib/dpkg
do mkdir -p /run/over$path; mount -t tmpfs over /run/over$path; mkdir /run/over$path/up /run/over$path/work
mount -t overlay overlay -o lowerdir=$path,upperdir=/run/over$path/up,workdir=/run/over$path/work $path
done
sed -i "/^allowed_hosts=/s/$/,192.0.2.10/" /etc/nagios/nrpe.cfg
service nagios-nrpe-server start`;

/** No agent and nothing of it, and no user for it. */
const BARE = `umount /usr/local/bin/nrpe; rm /usr/local/bin/nrpe; sed -i /5666/d /etc/services
rm -r /etc/nagios; userdel nagios`;
/** An agent that is a file of its own, which can be replaced, and serves as `wait`. */
const REPLACEABLE = `umount /usr/local/bin/nrpe; rm /usr/local/bin/nrpe
cp dist/nrpe /usr/local/bin/nrpe; ${served("-n").replace("nowait.10000", "wait")}`;
/** The tables that README.md shows. */
const SHOWN_TABLES = `echo nrpe: ALL > /etc/hosts.deny
printf '%s\\n' 'nrpe: 10.0.0.1, 192.0.2.0/24' 'nrpe: 10.0.0.1/24' > /etc/hosts.allow`;

const UNDER_INETD: readonly Walk[] = [
  ["README.md", ["Install"], BARE],
  ["README.md", ["Access"], SHOWN_TABLES],
  ["docs/access-language.md", ["The access language"], F0101],
  ["docs/quickstart.md", ["xinetd"], `xinetd -stayalive; ${NO_ALLOWED_HOSTS}`],
  ["docs/quickstart.md", ["By a script"], NO_ALLOWED_HOSTS],
  [
    "docs/quickstart.md",
    ["Manual pages and completions"],
    "mount -t tmpfs share /usr/local/share",
  ],
  ["docs/upgrading.md", ["Upgrade", "Go back"], REPLACEABLE],
  ["docs/upgrading.md", ["Uninstall"], REPLACEABLE],
  ["docs/operation.md", ["Find what is wrong on a host"], SOUND],
  ["docs/operation.md", ["Check the configuration"], NO_ALLOWED_HOSTS],
  ["docs/migration.md", ["Before: tcpd", "After: this agent", "Back to tcpd"], F0101],
  ["docs/migration.md", ["Without systemd"], DEBIAN],
  ["docs/migration.md", ["A rule that was dead"], ""],
  ["docs/migration.md", [
    "Make a CA",
    "Make the certificate of a host",
    "Make the certificate of the monitoring server",
    "Ask for the certificates",
    "Demand the certificates",
    "Renew a certificate",
    "Say which certificates count",
    "Revoke a certificate",
  ], "mount -t tmpfs -o mode=700 root /root"],
  ["docs/migration.md", [
    "See which commands can do without",
    "Take the shell from one command",
    "Take it from all",
  ], ""],
  ["docs/troubleshooting.md", ["Connection refused"], NO_ALLOWED_HOSTS],
  ["docs/troubleshooting.md", ["No way to the host"], "ip route add unreachable 198.51.100.2"],
  [
    "docs/troubleshooting.md",
    ["Closed before a byte", "The tables refuse the client"],
    `${PLAIN}
${DENIED}`,
  ],
  [
    "docs/troubleshooting.md",
    ["nrpe.cfg has an error"],
    `${PLAIN}
sed -i s/^command_timeout=.*/command_timeout=soon/ /etc/nagios/nrpe.cfg`,
  ],
  [
    "docs/troubleshooting.md",
    ["Closed without an answer", "Arguments are not allowed"],
    PLAIN,
  ],
  ["docs/troubleshooting.md", ["The agent speaks TLS"], served()],
  ["docs/troubleshooting.md", ["Could not complete SSL handshake"], PLAIN],
  ["docs/troubleshooting.md", ["Socket timeout"], FAILING.replaceAll("=2", "=20")],
  [
    "docs/troubleshooting.md",
    [
      "Command not defined",
      "Unable to read output",
      "A plugin is missing",
      "A plugin writes to standard error",
      "Command timed out",
    ],
    FAILING,
  ],
  ["docs/troubleshooting.md", ["check_nrpe's own certificate"], OWN_CERTIFICATE],
];

/** The unit of Debian's package. */
const UNIT = "nagios-nrpe-server.service";

const UNDER_SYSTEMD: readonly Walk[] = [
  ["README.md", ["Without inetd"], ""],
  ["docs/quickstart.md", ["A daemon"], NO_ALLOWED_HOSTS],
  [
    "docs/migration.md",
    ["Look before", "Replace the program", "Take the program back"],
    `systemctl start ${UNIT}`,
  ],
];

function stepsOf(page: string, headings: readonly string[]): readonly Step[] {
  const sections = sectionsOf(page);
  return headings.flatMap((heading) => {
    const section = sections.find((one) => one.heading === heading);
    if (section === undefined) throw new Error(`${page} has no section "${heading}" to follow`);
    return section.steps;
  });
}

describe.skipIf(peersMissing("checkNrpe", "agent", "inetd", "tcpd", "openssl", "ip", "plugins"))(
  "under inetd, following",
  () => {
    test.each(UNDER_INETD)("%s: %p", async (page, headings, before) => {
      const host = stack.use(await startInetdHost(room));
      const lines: SyslogLine[] = [];
      await succeed(host, before);
      await follow(stepsOf(page, headings), {
        run: host.run,
        logged(pattern) {
          return waitUntil(`a log line like ${pattern}`, () => {
            lines.push(...host.syslog.take());
            return lines.some(({ text }) => pattern.test(text));
          });
        },
      }, "inetd /etc/inetd.conf");
    });
  },
);

const PATH = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/nagios/plugins";

describe.skipIf(peersMissing("checkNrpe", "agent", "initScript", "systemd", "ip"))(
  "under systemd, following",
  () => {
    test.each(UNDER_SYSTEMD)("%s: %p", async (page, headings, before) => {
      const unit = readFileSync(join("/lib/systemd/system", UNIT), "latin1");
      const systemd = stack.use(
        await startSystemd(room, { [UNIT]: unit }, {
          "/usr/local/bin/nrpe": room.binary,
          "/etc/hosts": room.file("hosts", "127.0.0.1 localhost HOST\n"),
          "/etc/hosts.allow": "/dev/null",
          "/etc/hosts.deny": "/dev/null",
        }),
      );
      const run = (...command: readonly string[]) =>
        systemd.run("env", "-C", ROOT, PATH, ...command);
      // The units that it knows are where an administrator's would be.
      await succeed(
        { run },
        `mkdir -p /etc/systemd/system /run/nagios; chown nagios: /run/nagios
mount --bind /run/units /etc/systemd/system\n${before}`,
      );
      await follow(stepsOf(page, headings), { run });
    });
  },
);

test("all commands of all pages are followed", () => {
  const pages = ["README.md", "CONTRIBUTING.md"].concat(
    readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
  );
  const found = pages.filter((page) => page.endsWith(".md")).flatMap((page) =>
    sectionsOf(page).map(({ heading }) => `${page}: ${heading}`)
  );
  const known = new Set(
    [...UNDER_INETD, ...UNDER_SYSTEMD].flatMap(([page, headings]) =>
      headings.map((heading) => `${page}: ${heading}`)
    ).concat(NOT_FOLLOWED),
  );
  expect(found.filter((section) => !known.has(section))).toEqual([]);
});
