/** What the role of deploy/ansible/ has to do on a host. */
import { type Check, expectEqual, expectThat } from "../boot/check.ts";
import { DEPLOY, type Fleet, type Played, RELEASE, type Variables } from "./machine.ts";

const MODES = ["socket", "inetd", "xinetd", "daemon"] as const;
/** Tables of a host that has others as well. */
const OTHERS = "sshd: 192.0.2.\nother: ALL\n";

export function roleChecks(): readonly Check<Fleet>[] {
  return [
    { name: "ansible-lint and yamllint find nothing in the role", run: lints },
    {
      name: "the role starts the agent in each way, and changes nothing at the second time",
      run: startsInEachWay,
    },
    {
      name: "the role installs a plain agent, with whole tables of its own and another port",
      run: async (fleet) => {
        const variables = { nrpe_tables: "template", nrpe_tls: false, nrpe_port: 5777 };
        await fleet.file("/etc/hosts.allow", OTHERS);
        await installs(fleet, variables, "-n", "-p", "5777");
        expectEqual("", await fleet.sh("grep other: /etc/hosts.allow || :"));
      },
    },
    { name: "the role shows in check mode what it would do, and does nothing", run: onlyShows },
    { name: "the role leaves a host alone where it fails", run: leavesAlone },
    { name: "the role keeps the program that it replaces, and goes back to it", run: goesBack },
    {
      name: "the role says nothing of keys, nor of an nrpe.cfg that is private",
      run: tellsNothing,
    },
  ];
}

/** Checks with a package, {@link RELEASE}/nrpe-one.deb. */
export function packageChecks(): readonly Check<Fleet>[] {
  return [{
    name: "the role installs a package that is a file, for a socket and without TLS",
    run: async (fleet) => {
      await fleet.file("/etc/hosts.allow", OTHERS);
      const variables = {
        nrpe_install_method: "package",
        nrpe_package: `${RELEASE}/nrpe-one.deb`,
        nrpe_tls: false,
      };
      await installs(fleet, variables, "-n");
      expectEqual("", await fleet.sh("ls /usr/local/bin/nrpe 2> /dev/null || :"));
    },
  }];
}

/** Expects that a play has ended well. */
async function well(played: Promise<Played>): Promise<Played> {
  const done = await played;
  expectThat(`the play ends well: ${done.text}`, done.status === 0);
  return done;
}

/** Expects that a play has failed, and that it says why. */
async function fails(played: Promise<Played>, why: RegExp): Promise<void> {
  const { status, text } = await played;
  expectThat(`the play fails with ${why}: ${text}`, status !== 0 && why.test(text));
}

async function lints({ sh }: Fleet): Promise<void> {
  // It keeps a cache beside what it reads, and asks git for the files.
  await sh(`cp -r ${DEPLOY} /tmp/deploy; cd /tmp/deploy/ansible
export LC_ALL=C.UTF-8 HOME=/root
yamllint --strict . ../prometheus; ansible-lint --strict --offline -q 2>&1; rm -r /tmp/deploy`);
}

/** Installs, asks, and installs again. */
async function installs(fleet: Fleet, variables: Variables, ...options: readonly string[]) {
  await well(fleet.play(variables));
  const { text } = await fleet.checkNrpe("-c", "plain", ...options);
  expectEqual("plain\n", text);
  expectThat(
    "another client is refused",
    (await fleet.checkNrpe("-H", "203.0.113.254", ...options)).status !== 0,
  );
  const again = await well(fleet.play(variables));
  expectThat(`nothing changes: ${again.text}`, again.changed === 0);
}

/** One after the other, so that what was started before has to free the port. */
async function startsInEachWay(fleet: Fleet): Promise<void> {
  await fleet.file("/etc/hosts.allow", OTHERS);
  for (const mode of [...MODES, MODES[0]]) await installs(fleet, { nrpe_mode: mode });
  await fleet.sh("grep -q other: /etc/hosts.allow");
}

/** Lines with the names and sums of what the role writes, the user and the units. */
const stateOf = async ({ sh }: Fleet): Promise<readonly string[]> => {
  const text = await sh(
    "cd /; find etc usr/local var/lib/nrpe -type f -exec sha256sum {} + 2> /dev/null | sort; " +
      "find etc usr/local -name '*nrpe*'; getent passwd nagios; " +
      "systemctl list-unit-files --no-legend 'nrpe*' || :",
  );
  return text.split("\n");
};

/** Expects that nothing has changed, or names what has. */
async function expectState(before: readonly string[], fleet: Fleet): Promise<void> {
  const after = await stateOf(fleet);
  const gone = before.filter((line) => !after.includes(line));
  const come = after.filter((line) => !before.includes(line));
  expectThat(`nothing changes: gone ${gone}, come ${come}`, gone.length + come.length === 0);
}

async function onlyShows(fleet: Fleet): Promise<void> {
  const fresh = await stateOf(fleet);
  await well(fleet.play({}, "--check", "--diff"));
  await expectState(fresh, fleet);
  await well(fleet.play({}));
  const installed = await stateOf(fleet);
  const shown = await well(
    fleet.play({ nrpe_clients: ["192.0.2.10", "192.0.2.11"] }, "--check", "--diff"),
  );
  expectThat(`the difference is shown: ${shown.text}`, /^\+nrpe: 192\.0\.2\.11$/m.test(shown.text));
  expectThat("something would change", shown.changed > 0);
  await fails(
    fleet.play({ nrpe_clients: ["192.0.2.12"] }, "--check"),
    /192\.0\.2\.10 is not granted/,
  );
  await expectState(installed, fleet);
}

/** What a play is given, what it says when it fails, and shell text that precedes and follows it. */
type Refused = readonly [
  variables: Variables,
  why: RegExp,
  before?: string,
  after?: string,
];

const REFUSED: readonly Refused[] = [
  // What is mounted on cannot be renamed over: the second table, after the first.
  [
    { nrpe_clients: ["192.0.2.10", "192.0.2.11"] },
    /Put both tables in their place[^]*FAILED/,
    "mount --bind /etc/hosts.deny /etc/hosts.deny",
    "umount /etc/hosts.deny",
  ],
  [{ nrpe_settings: { command_timeout: "soon" } }, /invalid-value/],
  [{ nrpe_commands: { a: "/bin/none" } }, /program-missing/],
  [{ nrpe_settings: { a: "1\ndont_blame_nrpe=1" } }, /several lines/],
  // A program with another sum, and one with the right sum that is another program.
  [
    { nrpe_binary_source: "/tmp/nrpe" },
    /has another sum/,
    `echo > /tmp/nrpe; cp ${RELEASE}/SHA256SUMS /tmp`,
  ],
  [
    { nrpe_binary_source: "/tmp/nrpe" },
    /See that the host can run it/,
    "printf '#!/bin/sh\nexit 3\n' > /tmp/nrpe; cd /tmp; sha256sum nrpe > SHA256SUMS",
    "rm /tmp/nrpe /tmp/SHA256SUMS",
  ],
  // Tables that decide otherwise than expected, one by one and together.
  [{ nrpe_clients: ["192.0.2.12"] }, /192\.0\.2\.10 is not granted/],
  [{ nrpe_clients: ["ALL"] }, /203\.0\.113\.254 is not denied/],
  [{ nrpe_rules_allow: ["nrpe: 192.0.2.10: DENY"] }, /192\.0\.2\.10 is not granted/],
  [
    { nrpe_mode: "daemon", nrpe_settings: { allowed_hosts: "198.51.100.1" } },
    /192\.0\.2\.10 is not granted/,
  ],
  [{ nrpe_clients: ["192.0.2.10", "192.0.2.10/24"] }, /host-bits-set/],
  [{ nrpe_clients_expected: { granted: [], denied: ["203.0.113.254"] } }, /cannot be judged/],
];

/** A host on which a play fails is as before, and the agent serves on. */
async function leavesAlone(fleet: Fleet): Promise<void> {
  await fleet.file("/etc/hosts.allow", OTHERS);
  await well(fleet.play({}));
  const state = await stateOf(fleet);
  await fails(
    fleet.playOver("198.51.100.7 50000 192.0.2.1 22", { nrpe_rules_deny: ["ALL: ALL"] }),
    /would refuse sshd's client 198\.51\.100\.7/,
  );
  await expectState(state, fleet);
  for (const [variables, why, before = ":", after = ":"] of REFUSED) {
    await fleet.sh(before);
    try {
      await fails(fleet.play(variables), why);
    } finally {
      await fleet.sh(after);
    }
    await expectState(state, fleet);
    expectEqual("plain\n", (await fleet.checkNrpe("-c", "plain")).text);
  }
}

async function goesBack(fleet: Fleet): Promise<void> {
  await well(fleet.play({}));
  // Another file that is the same program.
  await fleet.sh(
    `mkdir -p /srv/other; cp ${RELEASE}/nrpe /srv/other; chmod 755 /srv/other/nrpe; echo >> /srv/other/nrpe
cd /srv/other; sha256sum nrpe > SHA256SUMS`,
  );
  await fleet.checkNrpe("-c", "plain");
  await well(fleet.play({ nrpe_binary_source: "/srv/other/nrpe" }));
  await fleet.sh(
    `cmp /usr/local/bin/nrpe /srv/other/nrpe; cmp /usr/local/bin/nrpe.old ${RELEASE}/nrpe`,
  );
  expectEqual("plain\n", (await fleet.checkNrpe("-c", "plain")).text);
  await fleet.sh("for pid in $(pgrep -x nrpe); do cmp /proc/$pid/exe /srv/other/nrpe; done");
  await well(fleet.play({}));
  await fleet.sh(`cmp /usr/local/bin/nrpe ${RELEASE}/nrpe; rm -r /srv/other`);
}

async function tellsNothing(fleet: Fleet): Promise<void> {
  await fleet.sh(
    "mkdir -p /srv/tls; cd /srv/tls; openssl req -x509 -newkey rsa:2048 -nodes -days 400 " +
      "-subj /CN=host -keyout key.pem -out cert.pem 2>&1",
  );
  const variables = {
    nrpe_config_private: true,
    nrpe_commands: { plain: "/bin/echo plain", secret: "/bin/echo pass-word-1" },
    nrpe_tls_certificate: "/srv/tls/cert.pem",
    nrpe_tls_key: "/srv/tls/key.pem",
  };
  const { text } = await well(fleet.play(variables, "--diff", "-vvv"));
  const key = (await fleet.sh("sed -n 3p /srv/tls/key.pem")).trim();
  for (const secret of [key, "pass-word-1", "PRIVATE KEY"]) {
    const at = text.indexOf(secret);
    expectThat(`${secret} is not shown: ${text.slice(at - 500, at + 100)}`, at < 0);
  }
  expectEqual(
    "640 nagios\n640 nagios\n",
    await fleet.sh("stat -c '%a %G' /etc/nagios/nrpe.cfg /etc/nagios/ssl/key.pem"),
  );
  expectEqual("plain\n", (await fleet.checkNrpe("-c", "plain")).text);
}
