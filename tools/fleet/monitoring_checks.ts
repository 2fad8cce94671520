/** What the programs of a monitoring server say of deploy/monitoring/ and deploy/prometheus/. */
import { type Check, expectEqual, expectThat } from "../boot/check.ts";
import { DEPLOY, type Fleet } from "./machine.ts";

/** A host as deploy/monitoring/ has one, at the address of the agent here. */
const PLUGINS = "/usr/lib/nagios/plugins";

export function monitoringChecks(): readonly Check<Fleet>[] {
  return [
    {
      name: "promtool finds nothing wrong with the rules, and each alerts as it should",
      run: rules,
    },
    { name: "nagios4 -v finds nothing wrong with the objects", run: nagios },
    { name: "icinga2 daemon -C finds nothing wrong with the objects", run: icinga },
    { name: "the commands that Icinga makes of its objects are answered", run: answers },
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
  expectThat(said, !/warning|critical/.test(said) && / 1 HostGroup|HostGroups/.test(said));
  for (const wanted of ["Finished validating the configuration"]) {
    expectThat(`${wanted} in ${said}`, said.includes(wanted));
  }
}

/** What Icinga makes of the objects, as it says in its log of executed commands, is run against an agent. */
async function answers(fleet: Fleet): Promise<void> {
  await prepareIcinga(fleet);
  const played = await fleet.play({});
  expectEqual("0", String(played.status));
  for (
    const command of [
      "check_nrpe -H 192.0.2.10 -p 5666 -t 30 -c _NRPE_CHECK",
      "check_nrpe -H 192.0.2.10 -p 5666 -S TLSv1.2+ -u -t 30 -c plain",
      "check_nrpe_agent -H 192.0.2.10 -p 5666 -b /usr/local/bin/nrpe",
      "check_tcp -S -D 30,7 -H 192.0.2.10 -p 5666",
    ]
  ) {
    const { status, text } = await fleet.run("sh", "-c", `${PLUGINS}/${command}`);
    expectThat(`${command}: ${status} ${text}`, status === 0);
  }
}
