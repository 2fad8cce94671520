/**
 * Nagios FAQ F0101, "How do I use TCP wrappers with the NRPE addon?": its set-up with this agent, and
 * the mistakes that people make with it.
 */
import { describe, expect, test } from "bun:test";
import { checkNrpe } from "../support/check_nrpe.ts";
import { startInetd } from "../support/inetd.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom } from "../support/room.ts";

const missing = peersMissing("checkNrpe", "agent", "inetd");

describe.skipIf(missing)("the set-up of FAQ F0101", () => {
  test.each(
    [
      ["lets the named monitoring server in", "nrpe: 127.0.0.1\n", 0, "OK\n"],
      ["keeps everyone else out", "nrpe: 192.0.2.10\n", 3, expect.stringContaining("CHECK_NRPE: ")],
    ] as const,
  )("%s", async (_, allow, status, output) => {
    using room = makeRoom();
    const config = room.file("nrpe.cfg", "command[check]=/bin/echo OK\n");
    const argv = ["nrpe", "-n", "-c", config, "--inetd"];
    await using inetd = await startInetd(room, [{ user: "nagios", program: room.binary, argv }], {
      files: { "/etc/hosts.allow": allow, "/etc/hosts.deny": "nrpe: ALL\n" },
    });
    const result = await checkNrpe(inetd.ports[0]!, "-c", "check");
    expect(result).toEqual({ status, output: output as string });
  });
});

describe("--check-access explains a mistake with FAQ F0101:", () => {
  const DENY = "nrpe: ALL\n";
  const mistakes: readonly [
    what: string,
    allow: string,
    deny: string,
    client: string,
    words: string,
  ][] = [
    ["another address", "nrpe: 10.0.0.1\n", DENY, "10.0.0.2", "the client's address is 10.0.0.2"],
    [
      "a net with host bits",
      "nrpe: 10.0.0.1/24\n",
      DENY,
      "10.0.0.2",
      "10.0.0.0/24 would be the net",
    ],
    ["a prefix without its dot", "nrpe: 10.0.0\n", DENY, "10.0.0.2", "10.0.0."],
    ["any net", "nrpe: 0.0.0.0/0\n", DENY, "10.0.0.2", "0.0.0.0/0"],
    ["another daemon", "nrped: 10.0.0.2\n", DENY, "10.0.0.2", "1 rule is for other daemons"],
    ["no newline in hosts.allow", "nrpe: 10.0.0.2", DENY, "10.0.0.2", "without a newline"],
    ["no newline in hosts.deny", "", "sshd: 10.0.0.9", "10.0.0.2", "cannot be read"],
    [
      "an option that is none",
      "nrpe: 10.0.0.2: permit\n",
      DENY,
      "10.0.0.2",
      'bad option name: "permit"',
    ],
    ["IPv6 without brackets", "nrpe: 2001:db8::1\n", DENY, "2001:db8::1", "2001"],
    [
      "a rule after another",
      "nrpe: ALL: deny\nnrpe: 10.0.0.2\n",
      "",
      "10.0.0.2",
      "by hosts.allow line 1",
    ],
  ];

  test.each(mistakes)("%s", (_, allow, deny, client, words) => {
    using room = makeRoom();
    room.file("hosts.allow", allow);
    room.file("hosts.deny", deny);
    const { exitCode, stdout } = Bun.spawnSync(
      [
        room.binary,
        "--check-access",
        "--hosts-allow",
        "hosts.allow",
        "--hosts-deny",
        "hosts.deny",
        client,
      ],
      { cwd: room.path },
    );
    const text = String(stdout);
    expect(exitCode).toBe(1);
    expect(text).toContain("DENIED");
    expect(text).toContain(words);
    expect(text.split("\n").length).toBeLessThan(24);
  });
});
