/** What the units of deploy/systemd/ have to do on a host. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";
import { type Check, expectEqual, expectThat } from "./check.ts";
import { enable, type Machine, SOUND, succeeds, type Way, WAYS } from "./machine.ts";

const CFG = "/etc/nagios/nrpe.cfg";
const BROKEN = "command_timeout=soon\n";
const HARDENED = join(ROOT, "deploy", "systemd", "hardened.conf");

/** The checks of every way, and those of some. */
export function unitChecks(): readonly Check[] {
  return [
    { name: "systemd-analyze verify finds nothing in the units", run: verifies },
    ...WAYS.flatMap((way) => [
      { name: `${way.entry} answers, and lets plugins use their rights`, run: answers(way) },
      {
        name: `${way.entry} serves at the first check after nrpe.cfg is mended`,
        run: recovers(way),
      },
      { name: `${way.entry} with hardened.conf runs plugins, and no sudo`, run: hardened(way) },
    ]),
    ...WAYS.slice(0, 2).flatMap((way) => [
      { name: `${way.service} fails a reload with a broken file`, run: reloads(way) },
      { name: `${way.service} ends running plugins when it is stopped`, run: stops(way) },
    ]),
    { name: "nrpe.service has its directory for the pid file", run: writesPidFile },
  ];
}

async function verifies(machine: Machine): Promise<void> {
  const units = WAYS.flatMap(({ entry, service }) => [entry, service.replace("@.", "@1.")]);
  expectEqual(
    "",
    await machine.sh(`systemd-analyze verify --man=no ${[...new Set(units)].join(" ")} 2>&1`),
  );
}

const answers = (way: Way) => async (machine: Machine) => {
  await enable(machine, way);
  const said = async (command: string, pattern: RegExp) => {
    const { status, text } = await machine.check(command);
    expectThat(`${command}: ${status} ${text}`, status === 0 && pattern.test(text));
  };
  expectThat("the version", /^NRPE v/.test((await machine.check()).text));
  await said("plain", /^plain\n$/);
  await said("sudo", /^0\n$/);
  await said("ping", /1 received/);
  await said("icmp", /^OK/);
};

/** A start limit does not close the port for good, however many checks fail. */
const recovers = (way: Way) => async (machine: Machine) => {
  await machine.file(CFG, BROKEN);
  await machine.run("systemctl", "enable", "-q", "--now", way.entry);
  for (let time = 0; time < 20; time++) {
    expectThat("a check fails", (await machine.check("plain")).status !== 0);
  }
  await machine.file(CFG, SOUND);
  // Without a socket it is systemd that tries again.
  if (way.entry === "nrpe.service") await succeeds(machine, "systemctl is-active nrpe.service");
  expectEqual("plain\n", (await machine.check("plain")).text);
};

const hardened = (way: Way) => async (machine: Machine) => {
  await machine.dropIn(way.service, readFileSync(HARDENED, "latin1"));
  await enable(machine, way);
  expectEqual("plain\n", (await machine.check("plain")).text);
  const sudo = await machine.check("sudo");
  expectThat(`sudo fails: ${sudo.text}`, sudo.status !== 0 && sudo.text !== "0\n");
};

const reloads = ({ entry, service }: Way) => async (machine: Machine) => {
  await machine.sh(`systemctl enable -q --now ${entry}`);
  expectEqual("old\n", (await machine.check("age")).text);
  await machine.file(CFG, BROKEN);
  const { status } = await machine.run("systemctl", "reload", service);
  expectThat("the reload fails", status !== 0);
  expectEqual("old\n", (await machine.check("age")).text);
  await machine.file(CFG, SOUND.replace("echo old", "echo new"));
  await machine.sh(`systemctl reload ${service}`);
  await succeeds(
    machine,
    "/usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1 -c age | grep -q new",
  );
};

const stops = ({ entry, service }: Way) => async (machine: Machine) => {
  await machine.file(CFG, `${SOUND}shutdown_timeout=1\n`);
  await machine.sh(`systemctl enable -q --now ${entry}`);
  const slow = machine.check("slow");
  await succeeds(machine, "pgrep -x sleep");
  await machine.sh(`systemctl stop ${entry} ${service}`);
  expectThat("no plugin is left", (await machine.run("pgrep", "-x", "sleep")).status !== 0);
  expectThat("its check has no good answer", (await slow).status !== 0);
};

async function writesPidFile(machine: Machine): Promise<void> {
  await machine.sh("systemctl enable -q --now nrpe.service");
  const pid = await machine.sh("systemctl show -P MainPID nrpe.service");
  expectEqual(pid, await machine.sh("cat /run/nagios/nrpe.pid"));
}
