/**
 * `--doctor` on hosts with real inetds: each broken set-up has the right fix as its first problem, and
 * with the fix nothing is wrong any more.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { type Host, startHost } from "../support/host.ts";
import { peersMissing } from "../support/peers.ts";
import { makePki, type Pki } from "../support/pki.ts";
import { makeRoom } from "../support/room.ts";
import { readJsonLines } from "../support/schema.ts";

interface Finding {
  readonly status: "ok" | "hint" | "warning" | "problem";
  readonly code: string;
  readonly message: string;
  readonly evidence: string;
  readonly fix: string | null;
}

/** Where a fix goes: over the line of the evidence, into a file, or into a shell. */
type Place = "line" | "shell" | "none" | `/${string}`;

/** A set-up and how it is broken. */
interface Case {
  readonly name: string;
  /** Breaks the host before inetd starts. */
  readonly breaks: (host: Host) => void | Promise<void>;
  /** Breaks it afterwards. */
  readonly breaksLater?: (host: Host) => void | Promise<void>;
  readonly code: string;
  /** `AGENT` stands for the path of the binary. */
  readonly fix: string | RegExp;
  readonly place: Place;
  /** Whether inetd listens on the port nevertheless. */
  readonly listens?: boolean;
  /** Whether check_nrpe is answered with the fix; otherwise only the finding has to go. */
  readonly mended?: boolean;
  readonly starts?: "inetd" | "xinetd" | "nothing";
}

const ALLOW = "/etc/hosts.allow";
const DENY = "/etc/hosts.deny";
const CFG = "/etc/nagios/nrpe.cfg";
const INETD = "/etc/inetd.conf";
const SERVICES = "/etc/services";
const PORT = 5666;

const line = (agent: string, args = "nrpe -n -c /etc/nagios/nrpe.cfg --inetd", user = "nagios") =>
  `nrpe stream tcp nowait.10000 ${user} ${agent} ${args}\n`;

let made: Host | undefined;

/** The host of all tests, with nothing wrong on it. */
async function soundHost(): Promise<Host> {
  const host = made ??= await startHost();
  await host.reset();
  host.write(SERVICES, "ssh 22/tcp\nnrpe 5666/tcp\n");
  host.write(INETD, line(host.room.binary));
  host.write(ALLOW, "nrpe: 127.0.0.1, 192.0.2.10\n");
  host.write(DENY, "nrpe: ALL\n");
  host.write(CFG, "command[check]=/bin/echo OK\n");
  return host;
}

function doctor(host: Host, ...args: readonly string[]) {
  const { exit, out, err } = host.run(`${host.room.binary} --doctor --json ${args.join(" ")}`);
  expect(err).toBe("");
  const findings = readJsonLines("doctor", out) as Finding[];
  return { exit, findings, first: findings.find(({ status }) => status === "problem") };
}

const checkNrpe = (host: Host, options = "-n") =>
  host.run(`/usr/lib/nagios/plugins/check_nrpe ${options} -H 127.0.0.1 -t 60 -c check`);

/** Carries out a fix. */
function mend(host: Host, { fix, evidence }: Finding, place: Place): void {
  if (place === "none") return;
  if (place === "shell") {
    const { exit, err } = host.run(fix!);
    expect([exit, err]).toEqual([0, ""]);
    return;
  }
  if (place !== "line") return host.write(place, `${host.read(place)}${fix}\n`);
  const [, path, at] = /^([^:]+):([0-9]+): /.exec(evidence)!;
  const lines = host.read(path!).split("\n");
  // xinetd's attributes are several.
  lines[Number(at) - 1] = fix!.replaceAll("; ", "\n");
  host.write(path!, lines.join("\n"));
}

const pkiRoom = makeRoom();
let pki: Pki | undefined;
const certificates = () => pki ??= makePki(pkiRoom);
afterAll(async () => {
  pkiRoom[Symbol.dispose]();
  await made?.[Symbol.asyncDispose]();
});

/** Copies a pair into the host, as nagios can read it. */
function installPair(host: Host, { cert, key }: { readonly cert: string; readonly key: string }) {
  host.run(
    `install -m 644 ${cert} /etc/nagios/nrpe.crt; install -g nagios -m 640 ${key} /etc/nagios/nrpe.key`,
  );
}
const TLS_CFG = "ssl_cert_file=/etc/nagios/nrpe.crt\nssl_privatekey_file=/etc/nagios/nrpe.key\n" +
  "command[check]=/bin/echo OK\n";
const withTls = "nrpe -c /etc/nagios/nrpe.cfg --inetd";

const CASES: readonly Case[] = [
  {
    name: "a wrong path in inetd.conf",
    breaks: (host) => host.write(INETD, line("/usr/local/bin/nrpee")),
    code: "program-missing",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "the user root",
    breaks: (host) => host.write(INETD, line(host.room.binary, undefined, "root")),
    code: "user-root",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "a user that does not exist",
    breaks: (host) => host.write(INETD, line(host.room.binary, undefined, "nagois")),
    code: "user-missing",
    fix: line("AGENT").trim(),
    place: "line",
    listens: false,
  },
  {
    name: "a group that does not exist",
    breaks: (host) => host.write(INETD, line(host.room.binary, undefined, "nagios:nagois")),
    code: "group-missing",
    fix: line("AGENT", undefined, "nagios:nagios").trim(),
    place: "line",
    listens: false,
  },
  {
    name: "the group root",
    breaks: (host) => host.write(INETD, line(host.room.binary, undefined, "nagios:root")),
    code: "group-root",
    fix: line("AGENT", undefined, "nagios:nagios").trim(),
    place: "line",
  },
  {
    name: "a port that another program has taken",
    breaks: async (host) => {
      const script = "import socket,time\ns=socket.socket()\ns.setsockopt(1,2,1)\n" +
        "s.bind(('',5666))\ns.listen(5)\ntime.sleep(10000)\n";
      host.write("/etc/nagios/taker.py", script);
      host.start("python3 /etc/nagios/taker.py");
      await host.listening(PORT);
    },
    code: "port-taken",
    fix: /^kill [0-9]+$/,
    place: "shell",
    mended: false,
  },
  {
    name: "no entry in /etc/services",
    breaks: (host) => host.write(SERVICES, "ssh 22/tcp\n"),
    code: "service-missing",
    fix: "nrpe 5666/tcp",
    place: SERVICES,
    listens: false,
  },
  {
    name: "another port in /etc/services",
    breaks: (host) => host.write(SERVICES, "ssh 22/tcp\nnrpe 5667/tcp\n"),
    code: "service-port",
    fix: "nrpe 5666/tcp",
    place: "line",
    listens: false,
  },
  {
    name: "an entry for udp alone",
    breaks: (host) => host.write(SERVICES, "nrpe 5666/udp\n"),
    code: "service-protocol",
    fix: "nrpe 5666/tcp",
    place: "line",
    listens: false,
  },
  {
    name: "a misspelt service",
    breaks: (host) => host.write(INETD, line(host.room.binary).replace("nrpe", "nrep")),
    code: "service-unknown",
    fix: line("AGENT").trim(),
    place: "line",
    listens: false,
  },
  {
    name: "a rule of hosts.deny for everyone, and none of hosts.allow",
    breaks: (host) => host.write(ALLOW, "sshd: 192.0.2.10\n"),
    code: "nobody-admitted",
    fix: "nrpe: 192.0.2.10",
    place: ALLOW,
    mended: false,
  },
  {
    name: "a rule of hosts.deny for this host",
    breaks: (host) => {
      host.write(ALLOW, "");
      host.write(DENY, "nrpe: 127.0.0.1\n");
    },
    code: "loopback-refused",
    fix: "nrpe: 127.0.0.1",
    place: ALLOW,
  },
  {
    name: "no newline at the end of hosts.deny",
    breaks: (host) => {
      host.write(ALLOW, "sshd: 192.0.2.10\n");
      host.write(DENY, "sshd: ALL");
    },
    code: "no-newline-at-end",
    fix: `echo >> ${DENY}`,
    place: "shell",
  },
  {
    name: "no newline at the end of hosts.allow",
    breaks: (host) => host.write(ALLOW, "nrpe: 127.0.0.1"),
    code: "no-newline-at-end",
    fix: `echo >> ${ALLOW}`,
    place: "shell",
  },
  {
    name: "a wrong daemon name in a rule",
    breaks: (host) => host.write(ALLOW, "nrped: 127.0.0.1\n"),
    code: "daemon-name",
    fix: "nrpe: 127.0.0.1",
    place: "line",
  },
  {
    name: "the name of the package in a rule",
    breaks: (host) => host.write(ALLOW, "nagios-nrpe-server: 127.0.0.1\n"),
    code: "daemon-name",
    fix: "nrpe: 127.0.0.1",
    place: "line",
  },
  {
    name: "a rule of hosts.allow that denies before the grant",
    breaks: (host) => host.write(ALLOW, "nrpe: ALL: deny\nnrpe: 127.0.0.1, 192.0.2.10\n"),
    code: "nobody-admitted",
    fix: `sed -i '1i nrpe: 192.0.2.10' ${ALLOW}`,
    place: "shell",
    mended: false,
  },
  {
    name: "a continued rule from Windows",
    breaks: (host) => host.write(ALLOW, "nrpe: 127.0.0.1, \\\r\n 192.0.2.10\r\n"),
    code: "backslash-before-blank",
    fix: `sed -i 's/\\r$//' ${ALLOW}`,
    place: "shell",
  },
  {
    name: "a directory in place of hosts.allow",
    breaks: (host) => {
      host.write(ALLOW, undefined);
      host.run(`mkdir ${ALLOW}`);
    },
    code: "table-is-directory",
    fix: `mv ${ALLOW} ${ALLOW}.directory`,
    place: "shell",
    mended: false,
  },
  {
    name: "an include_dir that the agent's user may not enter",
    breaks: (host) => {
      host.run("mkdir -m 700 /etc/nagios/d");
      host.write("/etc/nagios/d/more.cfg", "command[more]=/bin/echo OK\n");
      host.write(CFG, "include_dir=/etc/nagios/d\ncommand[check]=/bin/echo OK\n");
    },
    code: "config-unreadable-for-agent",
    fix: "chgrp nagios /etc/nagios/d && chmod g+rx /etc/nagios/d",
    place: "shell",
  },
  {
    name: "a plugin from Windows",
    breaks: (host) => {
      host.write("/etc/nagios/check", "#!/bin/sh\r\necho OK\r\n");
      host.run("chmod 755 /etc/nagios/check");
      host.write(CFG, "command[check]=/etc/nagios/check\n");
    },
    code: "interpreter-missing",
    fix: "sed -i 's/\\r$//' /etc/nagios/check",
    place: "shell",
  },
  {
    name: "a net with host bits",
    breaks: (host) => host.write(ALLOW, "nrpe: 127.0.0.1/8\n"),
    code: "host-bits-set",
    fix: "nrpe: 127.0.0.0/8",
    place: "line",
  },
  {
    name: "no argv[0]",
    breaks: (host) =>
      host.write(INETD, line(host.room.binary, "-n -c /etc/nagios/nrpe.cfg --inetd")),
    code: "argv0-missing",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "no --inetd",
    breaks: (host) => host.write(INETD, line(host.room.binary, "nrpe -n -c /etc/nagios/nrpe.cfg")),
    code: "mode-missing",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "-d in place of --inetd",
    breaks: (host) =>
      host.write(INETD, line(host.room.binary, "nrpe -n -c /etc/nagios/nrpe.cfg -d")),
    code: "daemon-mode",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "a misspelt option",
    breaks: (host) =>
      host.write(INETD, line(host.room.binary, "nrpe -n -c /etc/nagios/nrpe.cfg --indet")),
    code: "option-unknown",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "no -c",
    breaks: (host) =>
      host.write(INETD, line(host.room.binary, "nrpe -n /etc/nagios/nrpe.cfg --inetd")),
    code: "config-option-missing",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "a wrong path of nrpe.cfg",
    breaks: (host) =>
      host.write(INETD, line(host.room.binary, "nrpe -n -c /etc/nagois/nrpe.cfg --inetd")),
    code: "config-missing",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "tcpd in front",
    breaks: (host) =>
      host.write(INETD, line("/usr/sbin/tcpd", `${host.room.binary} -n -c ${CFG} --inetd`)),
    code: "tcpd-in-front",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "a program without its execute bit",
    breaks: (host) => {
      host.run(`install -m 644 /bin/true /etc/nagios/nrpe`);
      host.write(INETD, line("/etc/nagios/nrpe"));
    },
    code: "program-mode",
    fix: "chmod 755 /etc/nagios/nrpe",
    place: "shell",
    mended: false,
  },
  {
    name: "a line with a field too few",
    breaks: (host) => host.write(INETD, line(host.room.binary).replace("nowait.10000 ", "")),
    code: "inetd-fields",
    fix: line("AGENT").trim().replace("nowait.10000", "wait"),
    place: "line",
    listens: false,
  },
  {
    name: "a datagram socket",
    breaks: (host) => host.write(INETD, line(host.room.binary).replace("stream tcp", "dgram udp")),
    code: "inetd-socket-type",
    fix: line("AGENT").trim(),
    place: "line",
    listens: false,
  },
  {
    name: "a commented line",
    breaks: (host) => host.write(INETD, `#${line(host.room.binary)}`),
    code: "inetd-commented",
    fix: line("AGENT").trim(),
    place: "line",
    listens: false,
  },
  {
    name: "a line that begins with a blank",
    breaks: (host) =>
      host.write(INETD, `discard stream tcp nowait root internal\n ${line(host.room.binary)}`),
    code: "inetd-continuation",
    fix: line("AGENT").trim(),
    place: "line",
    listens: false,
  },
  {
    name: "no line at all",
    breaks: (host) => host.write(INETD, "# nothing\n"),
    code: "no-starter",
    fix: line("AGENT").trim().replace("nowait.10000", "wait"),
    place: INETD,
    listens: false,
  },
  {
    name: "an inetd that does not run",
    breaks: () => {},
    starts: "nothing",
    code: "inetd-not-running",
    fix: /inetd/,
    place: "none",
    mended: false,
  },
  {
    name: "an inetd that has not read its file again",
    breaks: (host) => {
      host.write(SERVICES, "discard 9/tcp\nnrpe 5666/tcp\n");
      host.write(INETD, "discard stream tcp nowait root internal\n");
    },
    breaksLater: async (host) => {
      await host.listening(9);
      host.write(INETD, line(host.room.binary));
    },
    listens: false,
    code: "inetd-not-reloaded",
    fix: /^kill -HUP [0-9]+$/,
    place: "shell",
  },
  {
    name: "an inetd that still has a line without -n",
    breaks: (host) => host.write(INETD, line(host.room.binary, withTls)),
    breaksLater: async (host) => {
      await host.listening(PORT);
      host.write(INETD, line(host.room.binary));
    },
    code: "tls-mismatch",
    fix: /^kill -HUP [0-9]+$/,
    place: "shell",
  },
  {
    name: "IPv6 alone",
    breaks: (host) => host.write(INETD, line(host.room.binary).replace(" tcp ", " tcp6 ")),
    code: "ipv6-alone",
    fix: line("AGENT").trim(),
    place: "line",
  },
  {
    name: "an expired certificate",
    breaks: (host) => {
      installPair(host, certificates().expired);
      host.write(CFG, TLS_CFG);
      host.write(INETD, line(host.room.binary, withTls));
    },
    code: "certificate-expired",
    fix: "renew it",
    place: "none",
    mended: false,
  },
  {
    name: "a key that does not fit the certificate",
    breaks: (host) => {
      const { server, good } = certificates();
      installPair(host, { cert: server.cert, key: good.key });
      host.run(`install -g nagios -m 640 ${server.key} /etc/nagios/other.key`);
      host.write(CFG, TLS_CFG);
      host.write(INETD, line(host.room.binary, withTls));
    },
    code: "tls",
    fix: "ssl_privatekey_file=/etc/nagios/other.key",
    place: "line",
    mended: false,
  },
  {
    name: "client certificates without a CA",
    breaks: (host) => {
      const { server, ca } = certificates();
      installPair(host, server);
      host.run(`install -m 644 ${ca.cert} /etc/nagios/authority.crt`);
      host.write(CFG, `${TLS_CFG}ssl_client_certs=2\n`);
      host.write(INETD, line(host.room.binary, withTls));
    },
    code: "tls",
    fix: "ssl_cacert_file=/etc/nagios/authority.crt",
    place: CFG,
    mended: false,
  },
  {
    name: "a key that the agent's user cannot read",
    breaks: (host) => {
      installPair(host, certificates().good);
      host.run("chmod 600 /etc/nagios/nrpe.key; chgrp root /etc/nagios/nrpe.key");
      host.write(CFG, TLS_CFG);
      host.write(INETD, line(host.room.binary, withTls));
    },
    code: "tls-unreadable-for-agent",
    fix: "chgrp nagios /etc/nagios/nrpe.key && chmod 640 /etc/nagios/nrpe.key",
    place: "shell",
    mended: false,
  },
  {
    name: "-n beside a certificate",
    breaks: (host) => {
      installPair(host, certificates().good);
      host.write(CFG, TLS_CFG);
    },
    code: "tls-off",
    fix: line("AGENT", withTls).trim(),
    place: "line",
    mended: false,
  },
  {
    name: "a client with TLS where the agent has -n",
    breaks: (host) => {
      host.write(CFG, "log_file=/var/log/nrpe.log\ncommand[check]=/bin/echo OK\n");
      host.run("install -o nagios /dev/null /var/log/nrpe.log");
    },
    breaksLater: async (host) => {
      await host.listening(PORT);
      checkNrpe(host, "");
    },
    code: "client-with-tls",
    fix: line("AGENT", withTls).trim(),
    place: "line",
    mended: false,
  },
  {
    name: "a client without TLS where the agent has it",
    breaks: (host) => {
      host.write(CFG, "log_file=/var/log/nrpe.log\ncommand[check]=/bin/echo OK\n");
      host.run("install -o nagios /dev/null /var/log/nrpe.log");
      host.write(INETD, line(host.room.binary, withTls));
    },
    breaksLater: async (host) => {
      await host.listening(PORT);
      checkNrpe(host, "-n");
    },
    code: "client-without-tls",
    fix: "check_nrpe -H HOST",
    place: "none",
    mended: false,
  },
  {
    name: "a plugin that is not executable",
    breaks: (host) => {
      host.run("install -m 644 /bin/echo /etc/nagios/check");
      host.write(CFG, "command[check]=/etc/nagios/check OK\n");
    },
    code: "program-not-executable",
    fix: "chmod a+x /etc/nagios/check",
    place: "shell",
  },
  {
    name: "a plugin whose interpreter is missing",
    breaks: (host) => {
      host.write("/etc/nagios/check", "#!/usr/bin/nothing\necho OK\n");
      host.run("chmod a+x /etc/nagios/check");
      host.write(CFG, "command[check]=/etc/nagios/check\n");
    },
    code: "interpreter-missing",
    fix: /nothing/,
    place: "none",
    mended: false,
  },
  {
    name: "a misspelt directive",
    breaks: (host) => host.write(CFG, "comand_timeout=30\ncommand[check]=/bin/echo OK\n"),
    code: "unknown-directive",
    fix: "command_timeout=30",
    place: "line",
  },
  {
    name: "tables of mode 600",
    breaks: (host) => void host.run(`chmod 600 ${ALLOW}`),
    code: "table-unreadable",
    fix: `chmod 644 ${ALLOW}`,
    place: "shell",
  },
  {
    name: "an nrpe.cfg that the agent's user cannot read",
    breaks: (host) => void host.run(`chown root:root ${CFG}; chmod 600 ${CFG}`),
    code: "config-unreadable-for-agent",
    fix: `chgrp nagios ${CFG} && chmod g+r ${CFG}`,
    place: "shell",
  },
  {
    name: "an nrpe.cfg that every user may write",
    breaks: (host) => void host.run(`chmod 666 ${CFG}`),
    code: "writable-by-others",
    fix: `chmod o-w ${CFG}`,
    place: "shell",
  },
  {
    name: "allowed_hosts under inetd",
    breaks: (host) =>
      host.write(CFG, "allowed_hosts=127.0.0.1,192.0.2.10\ncommand[check]=/bin/echo OK\n"),
    code: "allowed-hosts-inetd",
    fix: "nrpe: 127.0.0.1, 192.0.2.10",
    place: "none",
    mended: false,
  },
  {
    name: "ALL: ALL, which nothing has read before",
    breaks: (host) => {
      host.write(ALLOW, "# hosts.allow\n");
      host.write(DENY, "ALL: ALL\n");
    },
    code: "nobody-admitted",
    fix: "nrpe: 192.0.2.10",
    place: ALLOW,
    mended: false,
  },
  {
    name: "another address in hosts.allow than the one that was refused",
    breaks: (host) => {
      host.write(ALLOW, "nrpe: 192.0.2.10\n");
      host.write(
        "/var/log/syslog",
        "Nov 24 12:00:00 web nrpe[77]: refused connect from 192.0.2.11 (192.0.2.11)\n",
      );
    },
    code: "client-refused",
    fix: "nrpe: 192.0.2.11",
    place: ALLOW,
    mended: false,
  },
];

const section = (agent: string, more: Readonly<Record<string, string>> = {}) => {
  const attributes = {
    ...{ socket_type: "stream", wait: "no", user: "nagios", server: agent },
    ...{ server_args: "-n -c /etc/nagios/nrpe.cfg --inetd", flags: "NOLIBWRAP", disable: "no" },
    ...{ only_from: "127.0.0.1 192.0.2.0", ...more },
  };
  const lines = Object.entries(attributes).filter(([, value]) => value !== "").map(
    ([name, value]) => `${name} = ${value}\n`,
  );
  return `service nrpe\n{\n${lines.join("")}}\n`;
};
const SECTION = "/etc/xinetd.d/nrpe";

/** Makes xinetd serve in place of inetd. */
function useXinetd(host: Host, text = section(host.room.binary), path = SECTION): void {
  host.write(INETD, "");
  host.write("/etc/xinetd.conf", "defaults\n{\n}\nincludedir /etc/xinetd.d\n");
  host.write(path, text);
}

const XINETD: readonly Case[] = [
  {
    name: "a disabled service",
    breaks: (host) => useXinetd(host, section(host.room.binary, { disable: "yes" })),
    code: "xinetd-disabled",
    fix: "disable = no",
    place: "line",
  },
  {
    name: "a service that the defaults disable",
    breaks: (host) => {
      useXinetd(host);
      const defaults = "defaults\n{\ndisabled = nrpe\n}\nincludedir /etc/xinetd.d\n";
      host.write("/etc/xinetd.conf", defaults);
    },
    code: "xinetd-disabled",
    fix: "disabled =",
    place: "line",
  },
  {
    name: "a file whose name has a dot",
    breaks: (host) => useXinetd(host, undefined, `${SECTION}.conf`),
    code: "xinetd-file-ignored",
    fix: `mv ${SECTION}.conf ${SECTION}`,
    place: "shell",
  },
  {
    name: "an xinetd.conf that does not include the directory",
    breaks: (host) => {
      useXinetd(host);
      host.write("/etc/xinetd.conf", "defaults\n{\n}\n");
    },
    code: "xinetd-not-included",
    fix: "echo includedir /etc/xinetd.d >> /etc/xinetd.conf",
    place: "shell",
  },
  {
    name: "an address of another host",
    breaks: (host) => useXinetd(host, section(host.room.binary, { bind: "198.51.100.7" })),
    code: "address-not-local",
    fix: "bind = 0.0.0.0",
    place: "line",
  },
  {
    name: "a service without a user",
    breaks: (host) => useXinetd(host, section(host.room.binary, { user: "" })),
    code: "xinetd-attribute-missing",
    fix: "user = nagios",
    place: "none",
  },
  {
    name: "only_from without the monitoring server",
    breaks: (host) => {
      useXinetd(host, section(host.room.binary, { only_from: "127.0.0.1" }));
      const line = "Nov 24 12:00:00 web xinetd[77]: FAIL: nrpe address from=192.0.2.10";
      host.write("/var/log/syslog", `${line}\n`);
    },
    code: "xinetd-only-from",
    fix: "only_from = 127.0.0.1 192.0.2.10",
    place: "line",
  },
  {
    name: "NAMEINARGS without a name in the arguments",
    breaks: (host) => useXinetd(host, section(host.room.binary, { flags: "NOLIBWRAP NAMEINARGS" })),
    code: "argv0-missing",
    fix: "server_args = nrpe -n -c /etc/nagios/nrpe.cfg --inetd",
    place: "none",
  },
  {
    name: "too little address space",
    breaks: (host) => useXinetd(host, section(host.room.binary, { rlimit_as: "64M" })),
    code: "xinetd-address-space",
    fix: "rlimit_as = UNLIMITED",
    place: "line",
  },
  {
    name: "a misspelt service",
    breaks: (host) => useXinetd(host, section(host.room.binary).replace("nrpe", "nrpee")),
    code: "service-unknown",
    fix: "service nrpe",
    place: "line",
  },
  {
    name: "the user root",
    breaks: (host) => useXinetd(host, section(host.room.binary, { user: "root" })),
    code: "user-root",
    fix: "user = nagios",
    place: "line",
  },
];

const UNIT = "/etc/systemd/system/nrpe.service";
const SOCKET = "/etc/systemd/system/nrpe.socket";

/** A unit of the agent that is enabled; systemd itself does not run here. */
function useUnit(host: Host, settings: Readonly<Record<string, string>>): void {
  const all = {
    ...{ Type: "notify", User: "nagios", Group: "nagios" },
    ExecStart: `${host.room.binary} -n -c ${CFG} -f`,
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`).join("");
  host.write(INETD, "");
  host.write(UNIT, `[Unit]\nDescription=NRPE\n[Service]\n${lines}`);
  host.run("mkdir -p /etc/systemd/system/multi-user.target.wants");
  host.run(`ln -s ${UNIT} /etc/systemd/system/multi-user.target.wants/`);
}

/** The same with a socket unit in front. */
function useSocket(
  host: Host,
  socket: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): void {
  const ExecStart = `${host.room.binary} -n -c ${CFG} --inetd`;
  useUnit(host, { ExecStart, ...settings });
  host.run("rm /etc/systemd/system/*.wants/*; mkdir -p /etc/systemd/system/sockets.target.wants");
  host.write(SOCKET, `[Socket]\n${socket.map((line) => `${line}\n`).join("")}`);
  host.run(`ln -s ${SOCKET} /etc/systemd/system/sockets.target.wants/`);
}

const UNITS: readonly Case[] = [
  {
    name: "a wrong path",
    breaks: (host) => useUnit(host, { ExecStart: `/usr/local/bin/nrpee -n -c ${CFG} -f` }),
    code: "program-missing",
    fix: `ExecStart=AGENT -n -c ${CFG} -f`,
    place: "line",
  },
  {
    name: "a unit that is not enabled",
    breaks: (host) => {
      useUnit(host, {});
      host.run("rm /etc/systemd/system/multi-user.target.wants/*");
    },
    code: "unit-not-enabled",
    fix: "systemctl enable --now nrpe.service",
    place: "none",
  },
  {
    name: "a masked unit",
    breaks: (host) => {
      useUnit(host, {});
      host.run(`mv ${UNIT} /usr/lib/systemd/system/; ln -s /dev/null ${UNIT}`);
    },
    code: "unit-masked",
    fix: "systemctl unmask nrpe.service",
    place: "none",
  },
  {
    name: "a user that does not exist",
    breaks: (host) => useUnit(host, { User: "nagois" }),
    code: "user-missing",
    fix: "User=nagios",
    place: "line",
  },
  {
    name: "fewer processes than the agent and a plugin need",
    breaks: (host) => useUnit(host, { TasksMax: "2" }),
    code: "unit-tasks",
    fix: "TasksMax=infinity",
    place: "line",
  },
  {
    name: "less memory than the agent needs",
    breaks: (host) => useUnit(host, { MemoryMax: "16M" }),
    code: "unit-memory",
    fix: "MemoryMax=infinity",
    place: "line",
  },
  {
    name: "a masked socket unit of a template",
    breaks: (host) => {
      useSocket(host, ["ListenStream=5666", "Accept=yes"]);
      host.run(`mv ${UNIT} ${UNIT.replace(".", "@.")}; mv ${SOCKET} /usr/lib/systemd/system/`);
      host.run(`ln -s /dev/null ${SOCKET}`);
    },
    code: "unit-masked",
    fix: "systemctl unmask nrpe.socket",
    place: "none",
  },
  {
    name: "a server_address of another host",
    breaks: (host) => {
      host.write(CFG, "server_address=198.51.100.7\ncommand[check]=/bin/echo OK\n");
      useUnit(host, {});
    },
    code: "address-not-local",
    fix: "server_address=0.0.0.0",
    place: "line",
  },
  {
    name: "a socket unit with the address of another host",
    breaks: (host) => useSocket(host, ["ListenStream=198.51.100.7:5666", "Accept=no"]),
    code: "address-not-local",
    fix: "ListenStream=5666",
    place: "line",
  },
  {
    name: "-d with Type=notify",
    breaks: (host) => useUnit(host, { ExecStart: `${host.room.binary} -n -c ${CFG} -d` }),
    code: "unit-type",
    fix: "Type=forking",
    place: "line",
  },
  {
    name: "memory that may not be executed",
    breaks: (host) => useUnit(host, { MemoryDenyWriteExecute: "yes" }),
    code: "unit-write-execute",
    fix: "MemoryDenyWriteExecute=no",
    place: "line",
  },
  {
    name: "too little address space",
    breaks: (host) => useUnit(host, { LimitAS: "512M" }),
    code: "unit-address-space",
    fix: "LimitAS=infinity",
    place: "line",
  },
  {
    name: "a second ExecStart in a drop-in",
    breaks: (host) => {
      useUnit(host, {});
      const command = `ExecStart=${host.room.binary} -c ${CFG} -f`;
      host.write(`${UNIT}.d/more.conf`, `[Service]\n${command}\n`);
    },
    code: "unit-two-commands",
    fix: `ExecStart=\nExecStart=AGENT -c ${CFG} -f`,
    place: "line",
  },
  {
    name: "a working directory that does not exist",
    breaks: (host) => useUnit(host, { WorkingDirectory: "/nonexistent" }),
    code: "unit-directory",
    fix: "WorkingDirectory=",
    place: "line",
  },
  {
    name: "a missing file of variables",
    breaks: (host) => useUnit(host, { EnvironmentFile: "/etc/default/nothing" }),
    code: "unit-environment-file",
    fix: "EnvironmentFile=-/etc/default/nothing",
    place: "line",
  },
  {
    name: "a condition that does not hold",
    breaks: (host) => {
      useUnit(host, {});
      host.write(`${UNIT}.d/c.conf`, "[Unit]\nConditionPathExists=/etc/nothing\n");
    },
    code: "unit-condition",
    fix: "ConditionPathExists=",
    place: "line",
  },
  {
    name: "no sockets of IPv4",
    breaks: (host) => useUnit(host, { RestrictAddressFamilies: "AF_UNIX AF_NETLINK" }),
    code: "unit-address-families",
    fix: "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    place: "line",
  },
  {
    name: "addresses of this host alone",
    breaks: (host) => useUnit(host, { IPAddressDeny: "any", IPAddressAllow: "localhost" }),
    code: "unit-address-deny",
    fix: "IPAddressDeny=",
    place: "line",
  },
  {
    name: "a socket in the file system",
    breaks: (host) => useSocket(host, ["ListenStream=/run/nrpe.sock", "Accept=no"]),
    code: "unit-port",
    fix: "ListenStream=5666",
    place: "line",
  },
  {
    name: "--inetd without a socket unit",
    breaks: (host) => useUnit(host, { ExecStart: `${host.room.binary} -n -c ${CFG} --inetd` }),
    code: "inetd-mode",
    fix: `ExecStart=AGENT -n -c ${CFG} -f`,
    place: "line",
  },
  {
    name: "the directory of the pid file missing",
    breaks: (host) => {
      host.write(CFG, "pid_file=/run/nothing/nrpe.pid\ncommand[check]=/bin/echo OK\n");
      useUnit(host, {});
    },
    code: "unwritable",
    fix: /\/run\/nothing/,
    place: "none",
  },
  {
    name: "the user root behind a socket",
    breaks: (host) => useSocket(host, ["ListenStream=5666", "Accept=no"], { User: "root" }),
    code: "user-root",
    fix: "User=nagios",
    place: "line",
  },
  {
    name: "Accept=yes without a template",
    breaks: (host) => useSocket(host, ["ListenStream=5666", "Accept=yes"]),
    code: "unit-service-missing",
    fix: "Accept=no",
    place: "none",
  },
  {
    name: "another port",
    breaks: (host) => useSocket(host, ["ListenStream=5667", "Accept=no"]),
    code: "unit-port",
    fix: "ListenStream=5666",
    place: "line",
  },
];

const missing = peersMissing("checkNrpe", "inetd", "ip", "tcpd", "openssl");

describe.skipIf(missing)("--doctor", () => {
  test("finds nothing wrong on a sound host, whose agent answers", async () => {
    const host = await soundHost();
    await host.startInetd("inetd", PORT);
    const { exit, findings } = doctor(host);
    expect(findings.filter(({ status }) => status !== "ok")).toEqual([]);
    expect(findings.map(({ code }) => code)).toContain("answers");
    expect(exit).toBe(0);
  });

  test("names what keeps checks from being answered before allowed_hosts", async () => {
    const host = await soundHost();
    host.write(CFG, "allowed_hosts=127.0.0.1,192.0.2.10\ncommand[check]=/bin/echo OK\n");
    host.write(ALLOW, "sshd: 192.0.2.10\n");
    host.write(DENY, "sshd: ALL");
    await host.startInetd("inetd", PORT);
    const problems = doctor(host).findings.filter(({ status }) => status === "problem");
    expect(problems[0]!.code).toBe("no-newline-at-end");
    expect(problems.at(-1)!.code).toBe("allowed-hosts-inetd");
  });

  test("takes server_port for a daemon's under inetd", async () => {
    const host = await soundHost();
    host.write(CFG, "server_port=5667\ncommand[check]=/bin/echo OK\n");
    await host.startInetd("inetd", PORT);
    expect(doctor(host).first).toBeUndefined();
  });

  test("names a client's name that has no address", async () => {
    const host = await soundHost();
    host.write(ALLOW, "nrpe: monitor.nosuch.invalid\n");
    await host.startInetd("inetd", PORT);
    const { code, evidence } = doctor(host).first!;
    expect({ code, evidence }).toEqual({
      code: "unknown-host",
      evidence: `${ALLOW}:1: nrpe: monitor.nosuch.invalid`,
    });
  });

  test("does not wait for the writer of a FIFO that is a table, nor does the agent", async () => {
    const host = await soundHost();
    for (const table of [ALLOW, DENY]) {
      host.write(table, undefined);
      host.run(`mkfifo -m 644 ${table}`);
    }
    await host.startInetd("inetd", PORT);
    const { code, message } = doctor(host).first!;
    expect(code).toBe("cannot-open");
    expect(message).toContain("neither a regular file nor a device");
    expect(checkNrpe(host).exit).toBe(3);
  });

  test("names a table that is a link to nothing", async () => {
    const host = await soundHost();
    host.write(DENY, undefined);
    host.run(`ln -s /etc/nothing ${DENY}`);
    const codes = doctor(host).findings.map(({ code, evidence }) => `${code} ${evidence}`);
    expect(codes).toContain(`missing-table ${DENY}`);
  });

  test("reads the variables of a unit's command line", async () => {
    const host = await soundHost();
    const ExecStart = `${host.room.binary} -n -c ${CFG} -f $NRPE_OPTS`;
    useUnit(host, { ExecStart, Environment: "NRPE_OPTS=--indet" });
    expect(doctor(host).first!.code).toBe("option-unknown");
    useUnit(host, { ExecStart });
    expect(doctor(host).findings.map(({ code }) => code)).not.toContain("stray-word");
  });

  test("heeds access control lists of the tables", async () => {
    const host = await soundHost();
    // user:nagios:WHAT in the form of the kernel, see linux/posix_acl_xattr.h.
    const acl = (what: number) =>
      "import os,pwd,struct\n" +
      `e=[(1,6,-1),(2,${what},pwd.getpwnam('nagios').pw_uid),(4,4,-1),(16,4,-1),(32,0,-1)]\n` +
      "os.setxattr('/etc/hosts.allow','system.posix_acl_access',struct.pack('<I',2)+" +
      "b''.join(struct.pack('<HHi',*x) for x in e))\n";
    const codes = (what: number) => {
      host.write(ALLOW, "nrpe: 127.0.0.1, 192.0.2.10\n");
      host.write("/etc/nagios/acl.py", acl(what));
      expect(host.run("python3 /etc/nagios/acl.py").err).toBe("");
      return doctor(host).findings.map(({ code }) => code);
    };
    await host.startInetd("inetd", PORT);
    expect(codes(0)).toContain("table-unreadable");
    expect(codes(4)).not.toContain("table-unreadable");
  });

  test.each([
    ["127.0.0.1:nrpe", "nrpe"],
    ["localhost:5666", "5666"],
  ])("names the line that binds the port to loopback, %s", async (place, service) => {
    const host = await soundHost();
    const text = line(host.room.binary);
    host.write(INETD, text.replace("nrpe", place));
    await host.startInetd("inetd", PORT);
    const found = doctor(host).findings.find(({ code }) => code === "loopback-alone")!;
    expect(found.fix).toBe(text.trim().replace("nrpe", service));
  });

  test("takes allowed_hosts of this host alone for no problem", async () => {
    const host = await soundHost();
    host.write(CFG, "allowed_hosts=127.0.0.1,::1\ncommand[check]=/bin/echo OK\n");
    await host.startInetd("inetd", PORT);
    expect(doctor(host).exit).toBe(1);
  });

  test("names the directory of the pid file where a daemon could not start", async () => {
    const host = await soundHost();
    host.write(INETD, "");
    host.write(CFG, "nrpe_user=nagios\npid_file=/run/nothing/nrpe.pid\ncommand[check]=/bin/true\n");
    const { code, fix } = doctor(host, "-c", CFG).first!;
    expect({ code, fix }).toEqual({
      code: "unwritable",
      fix: "install -d -o nagios -g nagios /run/nothing",
    });
  });

  test("does not ask the agent where the rule for this host runs a command", async () => {
    const host = await soundHost();
    host.write(ALLOW, "nrpe: 127.0.0.1: spawn (touch /var/log/spawned)\nnrpe: 192.0.2.10\n");
    await host.startInetd("inetd", PORT);
    expect(doctor(host).findings.map(({ code }) => code)).toContain("not-asked");
    expect(host.run("ls /var/log").out).toBe("");
  });

  test("prints the evidence and the fix for a person, and takes no other words", async () => {
    const host = await soundHost();
    host.write(INETD, line("/usr/local/bin/nrpee"));
    const { exit, out } = host.run(`${host.room.binary} --doctor`);
    expect(exit).toBe(2);
    expect(out).toStartWith(
      `problem  /usr/local/bin/nrpee does not exist [program-missing]\n` +
        `         ${INETD}:1: ${line("/usr/local/bin/nrpee")}` +
        `   fix   ${line(host.room.binary)}`,
    );
    expect(host.run(`${host.room.binary} --doctor 192.0.2.10`).exit).toBe(2);
  });

  test.each(CASES.map((one) => [one.name, one] as const))("mends %s", async (_, one) => {
    const host = await soundHost();
    await tryCase(host, one);
  });
});

describe.skipIf(peersMissing("checkNrpe", "xinetd", "ip"))("--doctor with xinetd", () => {
  test("finds nothing wrong on a sound host, whose agent answers", async () => {
    const host = await soundHost();
    useXinetd(host);
    await host.startInetd("xinetd", PORT);
    const { exit, findings } = doctor(host);
    expect(findings.filter(({ status }) => status === "problem" || status === "warning")).toEqual(
      [],
    );
    expect(findings.map(({ code }) => code)).toContain("answers");
    expect(exit).toBe(0);
  });

  test("warns of xinetd's own libwrap", async () => {
    const host = await soundHost();
    useXinetd(host, section(host.room.binary, { flags: "NODELAY" }));
    await host.startInetd("xinetd", PORT);
    const { findings } = doctor(host);
    const { status, fix } = findings.find(({ code }) => code === "xinetd-libwrap")!;
    expect({ status, fix }).toEqual({ status: "warning", fix: "flags = NODELAY NOLIBWRAP" });
  });

  test.each(XINETD.map((one) => [one.name, one] as const))("mends %s", async (_, one) => {
    const host = await soundHost();
    await tryCase(host, { starts: "xinetd", listens: false, mended: one.place !== "none", ...one });
  });
});

describe.skipIf(peersMissing("checkNrpe", "ip"))("--doctor with systemd's units", () => {
  test.each(UNITS.map((one) => [one.name, one] as const))("mends %s", async (_, one) => {
    const host = await soundHost();
    await tryCase(host, { starts: "nothing", mended: false, ...one });
  });
});

async function tryCase(host: Host, one: Case): Promise<void> {
  const { listens = true, starts = "inetd", mended = true } = one;
  await one.breaks(host);
  const pid = starts === "nothing"
    ? undefined
    : await host.startInetd(starts, ...listens ? [PORT] : []);
  await one.breaksLater?.(host);
  const { exit, first, findings } = doctor(host);
  if (first === undefined) throw new Error(`no problem: ${JSON.stringify(findings, null, 1)}`);
  const { code, fix } = first;
  expect({ code, fix }).toEqual({
    code: one.code,
    fix: one.fix instanceof RegExp
      ? expect.stringMatching(one.fix)
      : one.fix.replaceAll("AGENT", host.room.binary),
  });
  expect(exit).toBe(2);
  mend(host, first, one.place);
  if (one.place === "none") return;
  if (pid !== undefined) process.kill(pid, "SIGHUP");
  if (mended) {
    await host.listening(PORT);
    const result = checkNrpe(host);
    expect([result.exit, result.out]).toEqual([0, "OK\n"]);
  }
  const again = doctor(host).findings;
  const left = again.filter(({ status, code }) =>
    status === "problem" && (mended || code === one.code)
  );
  expect(left).toEqual([]);
}
