/**
 * Tables as they stand on hosts: what an administrator is told about them, and that nothing right is
 * called wrong.
 */
import { expect, test } from "bun:test";
import { isDaemonName } from "../../lib/wrappers/lint/known_daemons.ts";
import { lintTables } from "../../lib/wrappers/lint/tables.ts";
import type { FileRead } from "../../lib/wrappers/match_list.ts";

/** The names that a host with few services has in its files. */
const SERVICES = new Set(["nrpe", "ssh", "ftp", "finger", "telnet", "mysql", "nfs", "sunrpc"]);

/** Findings as `A:line severity code`; hints about look-ups, which any name has, are left out. */
function lint(allow: string, deny: string): readonly string[] {
  const read = (path: string): FileRead => ({ kind: "text", text: path === "A" ? allow : deny });
  const { findings } = lintTables({ allow: "A", deny: "D", read }, {
    agent: "nrpe",
    services: () => SERVICES,
    ask: () => true,
    directoryExists: () => true,
  });
  return findings.filter(({ code }) => !/^(name|user)-lookup$/.test(code)).map((finding) =>
    `${finding.file}:${finding.place?.line} ${finding.severity} ${finding.code}`
  );
}

const ALL = "ALL: ALL\n";

/** The rules of FreeBSD's example, its first one apart. */
const FREEBSD = `ALL : PARANOID : RFC931 20 : deny
ALL : localhost 127.0.0.1 : allow
ALL : [::1] : allow
sendmail : .nice.guy.example : allow
sendmail : ALL : allow
exim : .nice.guy.example : allow
exim : ALL : allow
rpcbind : 192.0.2.32/255.255.255.224 : allow
rpcbind : ALL : deny
ypserv : .my.net.example : allow
ypserv : ALL : deny
ftpd : .nice.guy.example : allow
ftpd : ALL : allow
fingerd : ALL \\
\t: spawn (echo Finger. | /usr/bin/mail -s "tcpd\\: %u@%h[%a] fingered me!" root) & \\
\t: deny
ALL : ALL : severity auth.info : deny
`;

const FILES: Readonly<Record<string, readonly [allow: string, deny: string, ...found: string[]]>> =
  {
    "Red Hat's examples": [
      "sshd: .example.com EXCEPT cracker.example.com\nvsftpd: 192.0.2.\n",
      ALL,
    ],
    "a server of 1999": [
      "ALL: LOCAL, .example.edu\nin.telnetd in.ftpd in.rshd in.rlogind: 192.0.2.\n" +
      "wu.ftpd: 198.51.100.\nipop3d imapd: ALL\nportmap mountd statd lockd: 192.0.2.0/255.255.255.0\n",
      "ALL: ALL@ALL, PARANOID\n",
    ],
    "an NFS server": [
      "rpcbind mountd nfsd statd lockd rquotad: 192.0.2.0/24\nrpc.mountd rpc.statd: 192.0.2.0/24\n",
      "rpcbind mountd nfsd statd lockd rquotad: ALL\nrpc.mountd rpc.statd: ALL\n",
    ],
    "forwarding of sshd": [
      "sshd,sshdfwd-X11,sshd-fwd-x11: 192.0.2.0/24\n",
      "sshd, sshdfwd-X11, sshd-fwd-x11: ALL\n",
    ],
    "databases and monitoring": [
      "mysqld slapd: 192.0.2.1\nsnmpd munin-node nrpe nsca: 192.0.2.2\nxinetd distccd: 192.0.2.3\n",
      ALL,
    ],
    "Solaris": ["sshd: LOCAL\nin.rexecd in.rlogind: @trusted\nsadmind rpcbind: 192.0.2.\n", ALL],
    "DenyHosts": [
      "",
      "# DenyHosts: Mon Jun 24 00:13:01 2013 | sshd: 192.0.2.1\nsshd: 192.0.2.1\nsshd: 192.0.2.2\n",
    ],
    "DenyHosts, restarted": [
      "",
      "sshd: 192.0.2.1\nsshd: 192.0.2.2\nsshd: 192.0.2.1\n",
      "D:3 warning unreachable-rule",
    ],
    "a list in hosts.deny by wildcard": ["", "ALL: 192.0.2.*\nsshd: 198.*.100.*\n"],
    "an exception from a denial by wildcard": [
      "",
      "ALL: ALL EXCEPT 192.0.2.*\n",
      "D:1 warning wildcard-matches-names",
    ],
    "a grant by wildcard": ["ALL: 192.0.2.*\n", ALL, "A:1 warning wildcard-matches-names"],
    "an exception from a grant by wildcard": ["ALL: 192. EXCEPT 192.0.2.*\n", ALL],
    "vsftpd by tcp_wrappers": [
      "vsftpd: 192.0.2.1: setenv VSFTPD_LOAD_CONF /etc/vsftpd/office.conf\n",
      "",
    ],
    "a log level for one client": ["nrpe: 192.0.2.1: severity local0.info\n", ""],
    "BlockHosts": [
      "ALL: 127.0.0.1 : allow\nsshd: ALL : spawn (/usr/bin/blockhosts.py --echo %c)& : allow\n",
      "",
    ],
    "grants beside another denial": [
      "sshd: 192.0.2.1\nsshd: 198.51.100.9\nnrpe: 192.0.2.0/24\n",
      "sshd: 198.51.100.0/24\nALL: [2001:db8::]/32\n",
      "A:1 warning nothing-denies",
      "A:3 warning nothing-denies",
    ],
    "grants inside of a denial": ["sshd: 192.0.2.1\n", "sshd: 192.0.0.0/16 EXCEPT 192.0.3.\n"],
    "a grant beside a denial by name": ["sshd: 192.0.2.1\n", "sshd: .evil.example\n"],
    "a grant of what is PARANOID otherwise": ["sshd: 192.0.2.1\n", "ALL: PARANOID\n"],
    "a denial with a comment behind it": [
      "sshd: 192.0.2.1\n",
      "sshd: ALL # all others\n",
      "D:1 error comment-behind-rule",
    ],
    "comments with any characters": [
      "",
      `ALL: 192.0.2.1 # at 12:30:45\nALL: 192.0.2.2 # [x "y" (z); a=b\n` +
      "ALL: 192.0.2.3: deny # why: so\nALL: 192.0.2.4: spawn true # a: b\n",
      "D:1 error comment-behind-rule",
      "D:2 warning comment-behind-rule",
      "D:3 error comment-behind-rule",
      "D:4 error comment-behind-rule",
    ],
    "behind ALL@ALL": [
      "",
      "ALL: ALL@ALL, PARANOID\nsshd: 192.0.2.1\nALL: .example\n",
      "D:2 warning unreachable-rule",
      "D:3 warning unreachable-rule",
    ],
    "behind *@*": ["", "sshd: *@*\nsshd: LOCAL\n", "D:2 warning unreachable-rule"],
    "ALL for some users": ["", "sshd: root@ALL\nsshd: LOCAL\n"],
    "FreeBSD's example": [
      `# Start by allowing everything\nALL : ALL : allow\n${FREEBSD}`,
      "",
      "A:2 error allow-all-first",
    ],
    "FreeBSD's example, put to use": [FREEBSD, ""],
    "pfSense": ["ALL : ALL : allow\n", ""],
    "placeholders": [
      "sshd: <IP>/<CIDR>\nnrpe: SERVER_IP, 192.0.2.1\nnrpe: {{ nagios_server }}\nnrpe: ${NAGIOS}\n" +
      "nrpe: 192.0.2.x\nsshd: <your address here>\nsshd: YOUR_IP: ALLOW\nsshd: ALL EXCEPT your.ip\n" +
      "<daemon>: 192.0.2.1\nsshd: root@ADMIN_HOST\nsshd: @NAGIOS_IP@ xxx.xxx.xxx.xxx\n",
      ALL,
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11].map((line) => `A:${line} error placeholder`),
    ],
    "names like placeholders": [
      "sshd: .your-server.de x.example ip.example my-host.example\n",
      ALL,
    ],
    "a merge conflict": [
      "<<<<<<< HEAD\nnrpe: 192.0.2.1\n||||||| base\n=======\nnrpe: 192.0.2.2\n>>>>>>> fix: monitor\n" +
      "sshd: 192.0.2.3\n",
      ALL,
      "A:1 error merge-conflict",
    ],
    "two merge conflicts": [
      "<<<<<<< a\n=======\n>>>>>>> b\nsshd: 192.0.2.3\n<<<<<<< a\n=======\n>>>>>>> b\n",
      ALL,
      "A:1 error merge-conflict",
      "A:5 error merge-conflict",
    ],
    "daemons that are not here": [
      "zebra: 192.0.2.1\nvsfptd: 192.0.2.1\nstunnel4: 192.0.2.1\n",
      ALL,
      "A:1 hint unknown-daemon",
      "A:2 hint unknown-daemon",
      "A:3 hint unknown-daemon",
    ],
    "comments without clients": [
      "sshd:  #EG\nsshd: # of 192.0.2.1\n",
      ALL,
      "A:1 error comment-behind-rule",
      "A:2 error comment-behind-rule",
    ],
    "commas in an address": [
      "sshd:192,168,219.1:allow\nsshd: 192.0.2,7 192.0.2.8,192.0.2.9\n",
      ALL,
      "A:1 error comma-in-address",
      "A:2 error comma-in-address",
    ],
    "a last line without a newline, and wrong besides": [
      "sshd: 192.0.2.11/28, 192.0.2.0/28",
      "192.0.2.",
      "A:1 error host-bits-set",
      "A:1 error no-newline-at-end",
      "D:1 error missing-colon",
      "D:1 error no-newline-at-end",
    ],
    "a placeholder in a command": [
      "sshd: ALL: aclexec <path>/filter.sh %a\nnrpe: ALL: spawn cat < /dev/null\n",
      ALL,
      "A:1 error placeholder",
    ],
    "a BSD of 1995, with no daemon that is known": [
      "kshd klogind rexecd uucpd comsat ntalkd identd: 192.0.2.\ntelnetd rlogind rshd: 192.0.2.\n",
      ALL,
    ],
  };

test.each(Object.entries(FILES))("what is said of %s", (_, [allow, deny, ...found]) => {
  expect(lint(allow, deny)).toEqual(found);
});

test("a daemon that is known, or has a d more or less than one that is, is not called another", () => {
  const names = new Set(["nrpe", "ssh", "finger", "proftp", "my", "in.oddd"]);
  const right = "sshd ssh ftpd in.ftpd fingerd in.fingerd mysqld vsftpd proftpd rpc.mountd portmap";
  for (const name of [...right.split(" "), "myd", "proftpd", "oddd", "sshd-fwd-2222"]) {
    expect([name, isDaemonName(name, names)]).toEqual([name, true]);
  }
  const texts = "stunnel4: ALL\nvsftp: ALL\nproftp: ALL\n";
  const read = (path: string): FileRead => ({ kind: "text", text: path === "A" ? texts : ALL });
  const { findings } = lintTables({ allow: "A", deny: "D", read }, {
    agent: "nrpe",
    services: () => names,
    ask: () => true,
    directoryExists: () => true,
  });
  expect(findings.filter(({ suggestion = "" }) => /meant/.test(suggestion))).toEqual([]);
});
