/** What the .rpm has to do; the host is a Debian with rpm(8), whose package database knows no others. */
import { expectEqual, expectThat } from "../boot/check.ts";
import type { PackageCheck } from "./deb_checks.ts";
import type { PackageHost } from "./host.ts";
import type { Repository } from "./repository.ts";

const CFG = "/etc/nagios/nrpe.cfg";

export function rpmChecks(repository: Repository): readonly PackageCheck[] {
  const { rpm, olderRpm, cAgentRpm } = repository;
  const INSTALLED = rpm.replace(/\.rpm$/, "");
  const install = (host: PackageHost, how: string, name: string) =>
    host.sh(`rpm ${how} --nodeps ${host.repository}/${name} 2>&1`);
  return [
    {
      name: "the rpm starts nothing, is upgraded, and removed",
      async run(host) {
        await install(host, "-i", olderRpm);
        expectEqual("disabled\n", (await host.run("systemctl", "is-enabled", "nrpe")).text);
        expectEqual("nrpe nrpe 700\n", await host.sh("stat -c '%U %G %a' /var/lib/nrpe"));
        await host.sh(
          `echo 'command[own]=/bin/echo own' >> ${CFG}; systemctl enable -q --now nrpe`,
        );
        const pid = await host.sh("systemctl show -P MainPID nrpe");
        await install(host, "-U", rpm);
        const other = await host.sh("systemctl show -P MainPID nrpe");
        expectThat(`${pid.trim()} is another process now`, other !== pid && other !== "0\n");
        expectEqual("own\n", (await host.check("own")).text);
        await install(host, "-U --oldpackage", olderRpm);
        expectEqual("own\n", (await host.check("own")).text);
        await host.sh("rpm -e nrpe-one 2>&1");
        expectEqual("", await host.sh("pgrep -x nrpe || :; ls /usr/sbin/nrpe 2> /dev/null || :"));
        expectEqual("command[own]=/bin/echo own\n", await host.sh(`tail -qn 1 ${CFG}*`));
      },
    },
    {
      name: "the rpm takes over from a C agent that serves, in one transaction",
      async run(host) {
        await install(host, "-i", cAgentRpm);
        await host.sh("systemctl daemon-reload; systemctl enable -q --now nrpe");
        await host.file("/tmp/swap.py", SWAP);
        const text = await host.sh(
          `python3 /tmp/swap.py ${host.repository}/${rpm} nrpe < /dev/null 2>&1`,
        );
        expectThat(`only the one is left: ${text}`, await host.sh("rpm -qa") === `${INSTALLED}\n`);
        expectEqual("enabled\n", (await host.run("systemctl", "is-enabled", "nrpe")).text);
        expectEqual("old\n", (await host.check("old")).text);
      },
    },
  ];
}

/** What `dnf swap nrpe nrpe-one` does: in one transaction one package comes, and then one is erased. */
const SWAP = `import os, rpm, sys
path, old = sys.argv[1:]
rpm.setVerbosity(rpm.RPMLOG_INFO)
transaction = rpm.TransactionSet("/", rpm._RPMVSF_NOSIGNATURES)
with open(path) as file:
    header = transaction.hdrFromFdno(file)
transaction.addInstall(header, path, "u")
transaction.addErase(old)
files = {}
def callback(what, amount, total, key, data):
    if what == rpm.RPMCALLBACK_INST_OPEN_FILE:
        files[key] = os.open(key, os.O_RDONLY)
        return files[key]
    if what == rpm.RPMCALLBACK_INST_CLOSE_FILE:
        os.close(files[key])
problems = transaction.run(callback, "")
for problem in problems or []:
    print(problem)
sys.exit(1 if problems else 0)
`;
