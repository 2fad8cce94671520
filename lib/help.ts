import { printable } from "./log.ts";
import { VERSION } from "./version.ts";

const NAME = `NRPE - Nagios Remote Plugin Executor
Version: ${VERSION} (nrpe-one)
`;

/** The commit that was built, set by the build task; empty where the source is no git checkout. */
declare const NRPE_COMMIT: string;

/** The commit, with `-dirty` behind it where files had changed. */
const COMMIT = typeof NRPE_COMMIT === "undefined" || NRPE_COMMIT === ""
  ? "unknown, not built from a git checkout"
  : NRPE_COMMIT;

const VERSION_TEXT = `${NAME}Commit: ${COMMIT}
Runtime: Bun ${Bun.version}

`;

const LICENSE_TEXT = `${NAME}
License: MIT

Everyone may use, copy, change, publish, distribute and sell this program, as long as its copyright
notice and the text of the licence go with it. It comes without any warranty. The whole text is in
the file LICENSE of its source.

`;

const HELP_TEXT = `${NAME}
License: MIT (-l for more info)

SSL/TLS Available, TLS 1.2 and 1.3 unless the configuration says otherwise

TCP Wrappers Available, built in

Usage: nrpe [-V] [-n] -c <config_file> [-4|-6] <mode>
       nrpe --check-access [<options>] [[<daemon>] <client>]
       nrpe --check-config -c <config_file> [<mode>] [--json]
       nrpe --doctor [-c <config_file>] [--json]
       nrpe --run <command> [<arguments>] -c <config_file>
       nrpe --wrap <program> [<arguments>]
       nrpe --probe <host>[:<port>] [<options>]

Options:
 -V, --version         Print the version and quit
 -l, --license         Print the licence and quit
 -h, --help            Print this text and quit
 -n, --no-ssl          Do not use SSL/TLS
 -c, --config=FILE     The configuration file (default: nrpe.cfg in the working directory)
 -4, --ipv4            Use IPv4 only
 -6, --ipv6            Use IPv6 only
 -C, --dont-chdir      As a daemon, stay in the working directory
 <mode> (one of the following)
   -i, --inetd         Serve the connection, or the listening socket, that inetd or xinetd passes on
   -d, --daemon        Run as a daemon in the background
   -f, --no-forking    Run as a daemon in the foreground
   -s, --src           The same as -f

     --check-access    Say what hosts.allow and hosts.deny decide for a client, and why; without a
                       client, check these files
     --check-config    Say what is wrong with the configuration file and what it names
     --doctor          Go the way of a check on this host, and say what to mend first
     --run             Run a command as the agent would, and show what it wrote
     --wrap            Ask hosts.allow and hosts.deny about the client of a connection, and become
                       the program, as tcpd does
     --probe           Say what answers at a host: versions, certificate, times, or why nothing does

Each of these but --wrap says more with --help behind it. A hard link or a copy of this file that is called
check_nrpe, tcpd, tcpdmatch or tcpdchk does the work of that program.

nrpe answers check_nrpe: it runs the commands that its configuration file defines, and returns their
output and exit status. A line for inetd:

   nrpe stream tcp wait nagios /usr/local/bin/nrpe nrpe -n -c /etc/nagios/nrpe.cfg --inetd

`;

/** The texts of `--version`, `--help` and `--license`. */
export const TEXTS = { version: VERSION_TEXT, help: HELP_TEXT, license: LICENSE_TEXT } as const;

export function usageText(problem: string): string {
  return `nrpe: ${printable(problem)}\n\nIncorrect command line arguments supplied\n${HELP_TEXT}`;
}
