/** What the .deb has to do on a host with systemd. */
import { VERSION } from "../../lib/version.ts";
import { expectEqual, expectThat } from "../boot/check.ts";
import { succeeds } from "../boot/machine.ts";
import type { PackageHost } from "./host.ts";
import { OLDER, type Repository } from "./repository.ts";

/** Something that packages have to do on a fresh host. */
export interface PackageCheck {
  readonly name: string;
  /** @throws {Error} when the host does otherwise. */
  readonly run: (host: PackageHost) => Promise<void>;
}

const CFG = "/etc/nagios/nrpe.cfg";
const C_AGENT = "nagios-nrpe-server";
/**
 * What is on a host, but for what dpkg, apt and systemd note about themselves, and directories of links that
 * deb-systemd-helper(1) removes when they are empty.
 */
const FILES = "find / -xdev \\( -path /proc -o -path /sys -o -path /tmp -o -path /srv -o -path " +
  "/var/lib/dpkg -o -path /var/cache -o -path /var/log -o -path /run -o -path /var/lib/systemd -o " +
  "-path /var/tmp -o -path '/etc/systemd/system/*.wants' \\) -prune -o -print | sort";

export function debChecks({ deb }: Repository): readonly PackageCheck[] {
  return [
    { name: "an installation starts nothing, and its agent can be started", run: installs },
    { name: "a purge leaves only the user", run: purges },
    {
      name: "a removal stops the agent, and an installation after it finds its files",
      run: reinstalls,
    },
    { name: "an upgrade starts a running agent again, and a downgrade does", run: upgrades },
    { name: "an upgrade asks nothing about files that nobody has touched", run: asksNothing },
    {
      name: "an upgrade leaves a running agent alone where nrpe.cfg has an error",
      run: leavesAlone,
    },
    ...[false, true].flatMap((edited) => [
      {
        name: `it takes over from a running C agent whose nrpe.cfg is ${
          edited ? "edited" : "as it came"
        }`,
        run: takesOver({ edited }),
      },
    ]),
    { name: "it takes over an agent without TLS", run: takesOver({ edited: true, plain: true }) },
    {
      name: "it takes over where the C agent is purged at once",
      run: takesOver({ edited: true, purging: true }),
    },
    { name: "it takes over by dpkg alone", run: takesOver({ edited: true, dpkg: deb }) },
    { name: "it starts nothing where the C agent was disabled", run: takesOverDisabled },
    { name: "it starts nothing where the C agent was masked", run: takesOverMasked },
    { name: "the C agent comes back", run: givesBack },
    { name: "the AppArmor profile is one that this release reads", run: readsProfile },
  ];
}

async function installs(host: PackageHost): Promise<void> {
  await host.apt("install", "nrpe-one");
  for (const unit of ["nrpe.service", "nrpe-socket.socket", "nrpe-each.socket"]) {
    expectEqual("disabled\n", (await host.run("systemctl", "is-enabled", unit)).text);
    expectEqual("inactive\n", (await host.run("systemctl", "is-active", unit)).text);
  }
  expectEqual(
    "",
    await host.sh("systemctl list-units --failed --no-legend 'nrpe*' 2>&1; pgrep -x nrpe || :"),
  );
  expectEqual("nagios nagios 700", (await host.sh("stat -c '%U %G %a' /var/lib/nrpe")).trim());
  expectEqual("nagios nagios 755", (await host.sh("stat -c '%U %G %a' /run/nagios")).trim());
  expectEqual("root root 644", (await host.sh(`stat -c '%U %G %a' ${CFG}`)).trim());
  for (const unit of ["nrpe.service", "nrpe-socket.socket", "nrpe-each.socket"]) {
    await host.sh(`systemctl enable -q --now ${unit}`);
    await answers(host);
    await host.sh(`systemctl disable -q --now ${unit}; systemctl stop nrpe-socket.service`);
  }
  // The example for an inetd has the user and the path of the package.
  expectThat(
    "the example of inetd.conf",
    /^nrpe stream tcp wait nagios \/usr\/sbin\/nrpe nrpe /m.test(
      await host.sh("cat /usr/share/doc/nrpe-one/examples/inetd.conf"),
    ),
  );
}

async function purges(host: PackageHost): Promise<void> {
  await host.sh("id nagios > /dev/null 2>&1 || useradd --system --shell /usr/sbin/nologin nagios");
  await host.sh(`${FILES} > /tmp/before`);
  await host.apt("install", "nrpe-one");
  await host.sh(`systemctl enable -q --now nrpe.service; echo 'log_file=/var/log/nrpe.log' >> ${CFG}
install -m 640 -o nagios /dev/null /var/log/nrpe.log; systemctl restart nrpe.service`);
  await answers(host);
  await host.apt("purge", "nrpe-one");
  expectEqual("", await host.sh(`${FILES} | diff /tmp/before - || :`));
  expectEqual("", await host.sh("ls -d /run/nagios /var/log/nrpe* 2> /dev/null || :"));
  expectEqual("", await host.sh("pgrep -x nrpe || :"));
  expectEqual("", await host.sh("dpkg-divert --list | grep nrpe || :"));
}

async function reinstalls(host: PackageHost): Promise<void> {
  await host.apt("install", "nrpe-one");
  await host.sh(`echo 'command[own]=/bin/echo own' >> ${CFG}; systemctl enable -q --now nrpe`);
  await says(host, "own\n", "own");
  await host.apt("remove", "nrpe-one");
  expectEqual("", await host.sh("pgrep -x nrpe || :"));
  expectThat("nrpe.cfg is there", (await host.run("test", "-e", CFG)).status === 0);
  await host.apt("install", "nrpe-one");
  await host.sh("systemctl start nrpe");
  await says(host, "own\n", "own");
  // A file that was deleted stays away, as a conffile would.
  await host.sh(`rm ${CFG}`);
  await host.apt("install", "--reinstall", "nrpe-one");
  expectThat("nrpe.cfg stays away", (await host.run("test", "-e", CFG)).status !== 0);
}

async function upgrades(host: PackageHost): Promise<void> {
  await host.apt("install", `nrpe-one=${OLDER}`);
  await host.sh(`echo 'command[own]=/bin/echo own' >> ${CFG}; systemctl enable -q --now nrpe`);
  const pid = () => host.sh("systemctl show -P MainPID nrpe.service");
  const older = await pid();
  await host.apt("install", "nrpe-one");
  const newer = await pid();
  expectThat(`${older.trim()} is another process now`, newer !== older && newer !== "0\n");
  await says(host, "own\n", "own");
  await host.apt("install", "--allow-downgrades", `nrpe-one=${OLDER}`);
  expectThat(`${newer.trim()} is another process now`, ![newer, "0\n"].includes(await pid()));
  await says(host, "own\n", "own");
  // What was stopped stays so.
  await host.sh("systemctl stop nrpe");
  await host.apt("install", "nrpe-one");
  expectEqual("inactive\n", (await host.run("systemctl", "is-active", "nrpe")).text);
}

async function asksNothing(host: PackageHost): Promise<void> {
  await host.apt("install", `nrpe-one=${OLDER}`);
  const text = await host.apt("install", "nrpe-one");
  expectThat(`no question: ${text}`, !text.includes("Configuration file"));
  expectEqual("", await host.sh("grep older /etc/logrotate.d/nrpe-one || :"));
  // The first sample stays: dpkg knows nothing of the file.
  expectEqual("# older\n", await host.sh(`grep older ${CFG}`));
  expectEqual("", await host.sh("find /etc -name '*.dpkg-*'"));
}

async function leavesAlone(host: PackageHost): Promise<void> {
  await host.apt("install", `nrpe-one=${OLDER}`);
  await host.sh("systemctl enable -q --now nrpe");
  const pid = await host.sh("systemctl show -P MainPID nrpe.service");
  await host.sh(`echo command_timeout=soon >> ${CFG}`);
  const text = await host.apt("install", "nrpe-one");
  expectThat(
    `it says why: ${text}`,
    /goes on with the old program[^]*nrpe\.cfg:\d+/.test(text),
  );
  expectEqual(pid, await host.sh("systemctl show -P MainPID nrpe.service"));
  await answers(host);
}

interface TakeOver {
  readonly edited: boolean;
  /** NRPE_OPTS=-n. */
  readonly plain?: boolean;
  readonly purging?: boolean;
  /** The .deb, where apt does not choose it. */
  readonly dpkg?: string;
}

const takesOver = ({ edited, plain, purging, dpkg }: TakeOver) => async (host: PackageHost) => {
  const options = plain ? ["-n"] : [];
  await host.apt("install", C_AGENT);
  if (edited) await host.sh(`echo 'command[old]=/bin/echo old' >> ${CFG}`);
  if (plain) await host.sh(`echo 'NRPE_OPTS="-n"' >> /etc/default/${C_AGENT}`);
  await host.sh(`systemctl restart ${C_AGENT}`);
  await succeeds(host, `/usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1 ${options.join("")}`);
  const configuration = await host.sh(`cat ${CFG}`);
  if (dpkg) {
    await host.sh(`dpkg --auto-deconfigure -B -i ${host.repository}/${dpkg} < /dev/null 2>&1`);
  } else await host.apt(...purging ? ["--purge"] : [], "install", "nrpe-one");
  const serves = async () => {
    expectEqual(configuration, await host.sh(`cat ${CFG}`));
    if (edited) await says(host, "old\n", "old", ...options);
    const { text } = await host.check(undefined, ...options);
    expectEqual(`NRPE v${VERSION}\n`, text);
  };
  await serves();
  expectEqual("enabled\n", (await host.run("systemctl", "is-enabled", "nrpe.service")).text);
  await host.sh(`systemctl reload ${C_AGENT}`);
  await host.run("dpkg", "--purge", C_AGENT);
  await host.sh(`systemctl daemon-reload; systemctl restart ${C_AGENT}`);
  await serves();
  expectEqual("enabled\n", (await host.run("systemctl", "is-enabled", "nrpe.service")).text);
  await host.apt("purge", "nrpe-one");
  expectEqual("", await host.sh("pgrep -x nrpe || :; dpkg-divert --list | grep nrpe || :"));
  expectEqual(configuration, await host.sh(`cat ${CFG}`));
  expectEqual(
    "",
    await host.sh("find /etc/systemd /var/lib/systemd -name '*nrpe*'"),
  );
};

async function takesOverDisabled(host: PackageHost): Promise<void> {
  await host.apt("install", C_AGENT);
  await host.sh(`systemctl disable -q --now ${C_AGENT}`);
  await host.apt("install", "nrpe-one");
  await isQuiet(host);
}

async function takesOverMasked(host: PackageHost): Promise<void> {
  await host.apt("install", C_AGENT);
  await host.sh(`systemctl stop ${C_AGENT}; systemctl mask -q ${C_AGENT}`);
  const text = await host.apt("install", "nrpe-one");
  expectThat(`it says so: ${text}`, text.includes("is masked"));
  await isQuiet(host);
}

async function isQuiet(host: PackageHost): Promise<void> {
  expectEqual("disabled\n", (await host.run("systemctl", "is-enabled", "nrpe.service")).text);
  expectEqual("", await host.sh("pgrep -x nrpe || :"));
}

async function givesBack(host: PackageHost): Promise<void> {
  await host.apt("install", C_AGENT);
  await host.sh(`echo 'command[old]=/bin/echo old' >> ${CFG}`);
  await host.apt("install", "nrpe-one");
  await says(host, "old\n", "old");
  const text = await host.apt("install", C_AGENT);
  expectThat(`no question: ${text}`, !text.includes("Configuration file '"));
  await succeeds(host, "/usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1");
  await says(host, "old\n", "old");
  expectThat("it is the C agent", (await host.check()).text !== `NRPE v${VERSION}\n`);
  await host.apt("purge", "nrpe-one");
  await says(host, "old\n", "old");
  expectEqual("", await host.sh("dpkg-divert --list | grep nrpe || :"));
  await host.sh(`systemctl restart ${C_AGENT}`);
  await succeeds(host, "/usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1");
  // And forth.
  await host.apt("install", "nrpe-one");
  await says(host, "old\n", "old");
  await host.apt("remove", "nrpe-one");
  await host.apt("install", "nrpe-one");
  await host.sh(`systemctl start ${C_AGENT}`);
  await says(host, "old\n", "old");
}

/** The kernel here may have no AppArmor; the parser does all but load it. */
async function readsProfile(host: PackageHost): Promise<void> {
  await host.apt("install", "nrpe-one");
  await host.sh("apparmor_parser -QK /etc/apparmor.d/nrpe 2>&1");
}

async function answers(host: PackageHost): Promise<void> {
  const { status, text } = await host.check();
  expectThat(`it answers: ${status} ${text}`, status === 0 && text.startsWith("NRPE v"));
}

async function says(
  host: PackageHost,
  expected: string,
  command: string,
  ...options: readonly string[]
): Promise<void> {
  expectEqual(expected, (await host.check(command, ...options)).text);
}
