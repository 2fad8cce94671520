/** Options of IPv4 under Debian's tcpd and under this file by that name. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { linkSync } from "node:fs";
import { join } from "node:path";
import { type InetdHost, startInetdHost } from "../support/inetd_host.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

/** Options by their bytes, and the first line that is logged; the kernel keeps none of `padding`. */
const OPTIONS = {
  padding: ["01010100", /^6 connect from 192\.0\.2\.10/],
  record: [
    "01070b040000000000000000",
    /^5 connect from 192\.0\.2\.10 with IP options \(ignored\): ?[0-9a-f ]+$/,
  ],
} as const;

/** Tells the client the options that its answer has, as the kernel would send them. */
const SERVICE = `#!/bin/sh
exec perl -MSocket -e 'print "served ", unpack("H*", getsockopt(STDIN, 0, 4))'
`;
const CLIENT = `import socket,sys
s = socket.socket()
s.settimeout(60)
s.setsockopt(0, 4, bytes.fromhex(sys.argv[2]))
s.connect(("192.0.2.1", int(sys.argv[1])))
answer = b""
try:
    s.shutdown(1)
    while part := s.recv(100): answer += part
except OSError: pass
print(answer.decode())
`;
const PORTS = { debian: 7001, ours: 7002 };

describe.skipIf(peersMissing("tcpd", "inetd", "ip"))("a connection with options of IPv4", () => {
  let room: Room;
  let host: InetdHost;
  let client: string;

  beforeAll(async () => {
    room = makeRoom();
    host = await startInetdHost(room);
    linkSync(room.binary, join(room.path, "tcpd"));
    client = room.file("client.py", CLIENT);
    const programs = { debian: PEERS.tcpd.path, ours: join(room.path, "tcpd") };
    const conf = Object.entries(PORTS).map(([side, port]) =>
      `${port} stream tcp nowait.1000 root ${programs[side as keyof typeof PORTS]} ` +
      `${room.file(`served.${side}`, SERVICE, 0o755)}\n`
    );
    const inetdConf = room.file("inetd.conf", conf.join(""));
    await host.run(
      "inetd",
      inetdConf,
    );
    await waitUntil(
      "inetd listens",
      async () =>
        (await host.run("grep", "-c", ":1B5[9A] 0*:0* 0A", "/proc/net/tcp")).text.trim() === "2",
    );
  });

  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  async function ask(side: keyof typeof PORTS, options: string) {
    const lines: string[] = [];
    const { text } = await host.run("python3", client, String(PORTS[side]), options);
    const own = () => {
      lines.push(
        ...host.syslog.take().map(({ severity, text }) =>
          `${severity} ${text.replace(/^[^:]*: /, "")}`
        ),
      );
      return lines.filter((line) => /connect from/.test(line));
    };
    await waitUntil("it is logged", () => own().length > 0);
    return { answer: text.trim(), said: own() };
  }

  test.each(Object.entries(OPTIONS))("%s is served as by tcpd", async (_, [options, line]) => {
    for (const side of ["debian", "ours"] as const) {
      const { answer, said } = await ask(side, options);
      expect([side, answer]).toEqual([side, "served"]);
      expect(said[0]!.replace("server", "192.0.2.10")).toMatch(line);
    }
  });
});
