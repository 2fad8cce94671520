/** What the programs of a monitoring server say of deploy/monitoring/ and deploy/prometheus/. */
import { type Check, expectThat } from "../boot/check.ts";
import { succeeds } from "../boot/machine.ts";
import { DEPLOY, type Fleet } from "./machine.ts";

const PLUGINS = "/usr/lib/nagios/plugins";

export function monitoringChecks(): readonly Check<Fleet>[] {
  return [
    {
      name: "promtool finds nothing wrong with the rules, and each alerts as it should",
      run: rules,
    },
    { name: "nagios4 -v finds nothing wrong with the objects", run: nagios },
    { name: "icinga2 daemon -C finds nothing wrong with the objects", run: icinga },
    { name: "Icinga's checks are answered", run: answers },
  ];
}

async function rules({ sh }: Fleet): Promise<void> {
  const said = await sh(
    `cd ${DEPLOY}/prometheus; promtool check rules nrpe.rules.yml; promtool test rules *.test.yml`,
  );
  expectThat(said, / 16 rules found/.test(said));
}

async function nagios({ sh, file }: Fleet): Promise<void> {
  await sh(
    `cp ${DEPLOY}/monitoring/nagios/nrpe-agents.cfg /etc/nagios4/conf.d
install ${DEPLOY}/monitoring/check_nrpe_agent ${PLUGINS}`,
  );
  const verify = () => sh("nagios4 -v /etc/nagios4/nagios.cfg");
  const said = await verify();
  expectThat(said, /Total Warnings: 0\nTotal Errors: +0\n/.test(said));
  // What it says of an object that is not there, it would have said of these.
  await file("/etc/nagios4/conf.d/wrong.cfg", "define service {\n use nrpe-none\n}\n");
  const wrong = await verify().catch((error: Error) => error.message);
  expectThat(wrong, /nrpe-none/.test(wrong));
}

const prepareIcinga = ({ sh }: Fleet) =>
  sh(
    `cp ${DEPLOY}/monitoring/icinga2/nrpe-agents.conf /etc/icinga2/conf.d
install ${DEPLOY}/monitoring/check_nrpe_agent ${PLUGINS}; mkdir -p /run/icinga2; chown nagios: /run/icinga2`,
  );

async function icinga(fleet: Fleet): Promise<void> {
  await prepareIcinga(fleet);
  const said = await fleet.sh("icinga2 daemon -C 2>&1");
  expectThat(said, !/warning|critical/.test(said));
  expectThat(said, said.includes("Finished validating the configuration"));
}

/** Icinga runs its checks against an agent, and its log has each command with the exit status. */
async function answers(fleet: Fleet): Promise<void> {
  const { sh } = fleet;
  const addresses = ["192.0.2.10", "192.0.2.21"];
  const { status, text } = await fleet.play({
    nrpe_clients: addresses,
    nrpe_commands: { check_load: "/bin/echo fine", check_disk: "/bin/echo fine" },
  });
  expectThat(text, status === 0);
  await prepareIcinga(fleet);
  await sh(
    `ln -s /usr/local/bin/nrpe /usr/bin/nrpe; rm -f /var/log/icinga2/debug.log
icinga2 feature enable debuglog; systemctl start icinga2`,
  );
  try {
    for (
      const [plugin, rest] of [
        ["check_nrpe", "_NRPE_CHECK"],
        ["check_nrpe", "check_load"],
        ["check_nrpe", "check_disk"],
        ["check_nrpe_agent", "-w"],
      ]
    ) {
      const command = `/${plugin}' .*192\\.0\\.2\\.21.*${rest}.* terminated with exit code 0`;
      await succeeds(fleet, `grep -q "${command}" /var/log/icinga2/debug.log`);
    }
  } catch (error) {
    const log = await sh("grep -a '192.0.2.21' /var/log/icinga2/debug.log | tail -n 20");
    throw new Error(`${(error as Error).message}\n${log}`);
  } finally {
    await sh("systemctl stop icinga2; rm -f /usr/bin/nrpe");
  }
  const certificate = await fleet.run(
    "sh",
    "-c",
    `${PLUGINS}/check_tcp -S -D 30,7 -H 192.0.2.10 -p 5666`,
  );
  expectThat(certificate.text, certificate.status === 0);
}
