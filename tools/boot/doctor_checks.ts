/** What `nrpe --doctor` has to say on a host whose systemd runs. */
import { type Check, expectEqual, expectThat } from "./check.ts";
import { enable, type Machine, SOUND, succeeds, type Way, WAYS } from "./machine.ts";

interface Finding {
  readonly status: string;
  readonly code: string;
  readonly message: string;
  readonly evidence: string;
  readonly fix: string | null;
}

/** A host that is broken, and the first finding that is not fine there. */
interface Broken {
  readonly name: string;
  readonly way: Way;
  /** Breaks the host; what starts the agent is enabled, and started where `starts` says so. */
  readonly breaks: (machine: Machine) => Promise<void>;
  readonly code: string;
  readonly fix: string;
  /** What the evidence has to show. */
  readonly shows?: string;
  /**
   * What carries the fix out: a shell, or the file of the evidence. Nothing where it takes a line of
   * another place.
   */
  readonly place?: "shell" | "line";
}

const [DAEMON, SOCKET, EACH] = WAYS;
const SYSTEM = "/etc/systemd/system";
const CFG = "/etc/nagios/nrpe.cfg";
const TAKER =
  "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 5666, Listen => 5, " +
  "ReuseAddr => 1) or die; sleep 100000;";

/** A unit whose service has some settings more. */
const confined = (
  way: Way,
  settings: string,
  expected: Omit<Broken, "name" | "way" | "breaks">,
): Broken => ({
  name: `${way.service} with ${settings.replaceAll("\n", " ")}`,
  way,
  breaks: async (machine) => {
    await machine.dropIn(way.service, `[Service]\n${settings}\n`);
    await startInVain(machine, way);
  },
  ...expected,
});

/** Starts a way that fails, and asks it as a monitoring server would. */
async function startInVain(machine: Machine, { entry }: Way): Promise<void> {
  await machine.run("systemctl", "enable", "-q", "--now", entry);
  for (let time = 0; time < 3; time++) await machine.check();
}

const BROKEN: readonly Broken[] = [
  {
    name: "a masked socket",
    way: SOCKET,
    breaks: ({ sh }) =>
      sh(
        `mv ${SYSTEM}/nrpe-socket.* /usr/lib/systemd/system; systemctl daemon-reload; ` +
          "systemctl enable -q nrpe-socket.socket; systemctl mask -q nrpe-socket.socket",
      ).then(() => {}),
    code: "unit-masked",
    fix: "systemctl unmask nrpe-socket.socket",
  },
  {
    name: "a masked socket of a template",
    way: EACH,
    breaks: ({ sh }) =>
      sh(
        `mv ${SYSTEM}/nrpe-each* /usr/lib/systemd/system; systemctl daemon-reload; ` +
          "systemctl mask -q nrpe-each.socket",
      ).then(() => {}),
    code: "unit-masked",
    fix: "systemctl unmask nrpe-each.socket",
  },
  ...[DAEMON, SOCKET, EACH].map((way): Broken => ({
    name: `${way.entry} that is stopped`,
    way,
    breaks: ({ sh }) =>
      sh(`systemctl enable -q --now ${way.entry}; systemctl stop ${way.entry}`).then(() => {}),
    code: "unit-stopped",
    fix: `systemctl start ${way.entry}`,
    place: "shell",
  })),
  {
    name: "a start limit that was hit",
    way: SOCKET,
    breaks: async (machine) => {
      await enable(machine, SOCKET);
      await machine.dropIn(SOCKET.service, "[Service]\nExecStart=\nExecStart=/bin/false nrpe\n");
      await machine.run("systemctl", "restart", SOCKET.entry);
      for (let time = 0; time < 10; time++) await machine.check();
      await machine.dropIn(SOCKET.service, undefined);
    },
    code: "unit-failed",
    fix:
      "systemctl reset-failed nrpe-socket.service nrpe-socket.socket; systemctl restart nrpe-socket.socket",
    shows: "start-limit-hit",
    place: "shell",
  },
  ...[DAEMON, SOCKET, EACH].map((way): Broken => ({
    name: `a wrong path in ${way.service}`,
    way,
    breaks: async (machine) => {
      await machine.sh(
        `sed -i 's,^ExecStart=\\(-\\?\\)/usr/local/bin/nrpe,ExecStart=\\1/usr/bin/nrpe,' ` +
          `${SYSTEM}/${way.service}; systemctl daemon-reload`,
      );
      await startInVain(machine, way);
    },
    code: "program-missing",
    fix: {
      [DAEMON.entry]: `ExecStart=/usr/local/bin/nrpe -c ${CFG} -f`,
      [SOCKET.entry]: `ExecStart=/usr/local/bin/nrpe -c ${CFG} --inetd`,
      [EACH.entry]: `ExecStart=-/usr/local/bin/nrpe -c ${CFG} --inetd`,
    }[way.entry],
    place: "line",
  })),
  ...[DAEMON, SOCKET, EACH].map((way): Broken => ({
    name: `a broken nrpe.cfg of ${way.service}`,
    way,
    breaks: async (machine) => {
      await machine.file(CFG, `${SOUND}command_timeout=soon\n`);
      await startInVain(machine, way);
    },
    code: "invalid-value",
    fix: "command_timeout=60",
    place: "line",
  })),
  ...[DAEMON, SOCKET, EACH].flatMap((way) => [
    confined(way, "MemoryDenyWriteExecute=yes", {
      code: "unit-write-execute",
      fix: "MemoryDenyWriteExecute=no",
      place: "line",
    }),
    confined(way, "SystemCallFilter=~epoll_create1 epoll_ctl fstat newfstatat statx", {
      code: "unit-system-calls",
      fix: "SystemCallFilter=",
      place: "line",
    }),
    confined(way, "LimitNPROC=1", {
      code: "unit-tasks",
      fix: "LimitNPROC=infinity",
      place: "line",
    }),
    confined(way, "ProcSubset=pid", {
      code: "unit-proc-subset",
      fix: "ProcSubset=all",
      place: "line",
    }),
    confined(way, "User=nagois", { code: "user-missing", fix: "User=nagios", place: "line" }),
  ]),
  confined(DAEMON, "PrivateNetwork=yes", {
    code: "unit-private-network",
    fix: "PrivateNetwork=no",
    place: "line",
  }),
  {
    name: "server_address of another host",
    way: DAEMON,
    breaks: async (machine) => {
      await machine.file(CFG, `${SOUND}server_address=198.51.100.7\n`);
      await startInVain(machine, DAEMON);
    },
    code: "address-not-local",
    fix: "server_address=0.0.0.0",
    place: "line",
  },
  ...[DAEMON, SOCKET].map((way): Broken => ({
    name: `a port that another program has, ${way.entry}`,
    way,
    breaks: async (machine) => {
      await machine.file("/tmp/taker.pl", TAKER);
      await machine.sh("systemd-run -q --unit=taker perl /tmp/taker.pl");
      await succeeds(machine, "ss -ltn | grep -q :5666");
      await machine.run("systemctl", "enable", "-q", "--now", way.entry);
    },
    code: "port-taken",
    fix: "systemctl disable --now taker.service",
  })),
  {
    name: "ALL: ALL, which nothing has read before",
    way: SOCKET,
    breaks: async (machine) => {
      await machine.file("/etc/hosts.allow", "# none\n");
      await machine.file("/etc/hosts.deny", "ALL: ALL\n");
      await enable(machine, SOCKET);
    },
    code: "stale-deny",
    fix: "nrpe: 192.0.2.10",
  },
  ...[DAEMON, SOCKET, EACH].map((way): Broken => ({
    name: `a client that was refused, in the journal, ${way.entry}`,
    way,
    breaks: async (machine) => {
      await machine.file("/etc/hosts.allow", "nrpe: 127.0.0.1\n");
      await enable(machine, way);
      await machine.sh(
        "ip address add 192.0.2.1/32 dev lo 2>&1 || :; " +
          "/usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1 -b 192.0.2.1 2>&1 || :",
      );
      await succeeds(machine, "journalctl -t nrpe | grep -q refused");
    },
    code: "client-refused",
    fix: "nrpe: 192.0.2.1",
    shows: "refused connect from",
  })),
];

/** The checks of `--doctor`. */
export function doctorChecks(): readonly Check[] {
  return [
    ...WAYS.map((way) => ({
      name: `--doctor finds nothing wrong with ${way.entry}`,
      run: async (machine: Machine) => {
        await enable(machine, way);
        await machine.check("plain");
        const findings = (await doctor(machine)).filter(({ status }) =>
          /problem|warning/.test(status)
        );
        expectThat(JSON.stringify(findings), findings.length === 0);
      },
    })),
    ...BROKEN.map((broken) => ({
      name: `--doctor names first ${broken.name}`,
      run: (machine: Machine) => tryBroken(machine, broken),
    })),
    {
      name: "--doctor compares the clock with files",
      run: async (machine) => {
        await enable(machine, SOCKET);
        await machine.sh("touch -d '+3 days' /etc/services");
        const codes = (await doctor(machine)).map(({ code }) => code);
        expectThat(codes.join(" "), codes.includes("clock-behind"));
        await machine.sh("touch /etc/services");
      },
    },
    {
      name: "--doctor shows why a unit failed",
      run: async (machine) => {
        await machine.dropIn(
          DAEMON.service,
          `[Service]\nExecStart=\nExecStart=/bin/sh -c "echo why" nrpe\n`,
        );
        await startInVain(machine, DAEMON);
        const findings = await doctor(machine);
        expectThat(JSON.stringify(findings), findings.some(({ evidence }) => /why/.test(evidence)));
      },
    },
  ];
}

async function doctor({ run }: Machine): Promise<readonly Finding[]> {
  const { text } = await run("/usr/local/bin/nrpe", "--doctor", "--json");
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Finding);
}

async function tryBroken(machine: Machine, broken: Broken): Promise<void> {
  await broken.breaks(machine);
  const findings = await doctor(machine);
  const first = findings.find(({ status }) => status !== "ok");
  const seen = `${JSON.stringify(first)} of ${findings.map(({ code }) => code).join(" ")}`;
  expectThat(`${broken.code} is first: ${seen}`, first?.code === broken.code);
  expectEqual(broken.fix, first!.fix ?? "none");
  expectThat(
    `the evidence shows ${broken.shows}: ${seen}`,
    first!.evidence.includes(broken.shows ?? ""),
  );
  if (broken.place === undefined) return;
  if (broken.place === "shell") await machine.sh(first!.fix!);
  else {
    const [, path, line] = /^([^:]+):([0-9]+): /.exec(first!.evidence)!;
    await machine.file("/tmp/line", `${first!.fix}\n`);
    await machine.sh(`sed -i -e '${line}r /tmp/line' -e '${line}d' ${path}`);
    const { entry, service } = broken.way;
    const units = service.includes("@") ? entry : `${service} ${entry}`;
    await machine.sh(
      `systemctl daemon-reload; systemctl reset-failed; systemctl stop ${units} 2>&1 || :; systemctl start ${entry}`,
    );
  }
  expectEqual("plain\n", (await machine.check("plain")).text);
}
