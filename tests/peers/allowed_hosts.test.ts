/** nrpe.cfg's allowed_hosts, as the agent and the C agent read it, side by side. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { type Foreground, startForeground } from "../support/foreground.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

/** Who asks, each from an address of its own. */
const CLIENTS = [
  ...["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.9", "127.0.0.10", "127.1.2.3"],
  "::1",
];
const ALL_IPV4 = CLIENTS.filter((client) => !client.includes(":"));

const FILES = {
  "/etc/hosts": "127.0.0.1 localhost\n127.0.0.2 two.example two two_x -two.example\n",
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
};

/** A list, and whom both agents serve. */
const SAME: readonly [list: string, served: readonly string[]][] = [
  ["127.0.0.2", ["127.0.0.2"]],
  ["127.0.0.2,127.0.0.3", ["127.0.0.2", "127.0.0.3"]],
  ["127.0.0.2 , \t127.0.0.3", ["127.0.0.2", "127.0.0.3"]],
  ["127.0.0.2,", ["127.0.0.2"]],
  [",,127.0.0.2,,127.0.0.3", ["127.0.0.2", "127.0.0.3"]],
  [",", []],
  // Words and comments
  ["127.0.0.2 127.0.0.3", ["127.0.0.2"]],
  ["127.0.0.2\t127.0.0.3", ["127.0.0.2"]],
  ["127.0.0.2\v127.0.0.3", ["127.0.0.2"]],
  ["127.0.0.2 ,127.0.0.3 127.0.0.9", ["127.0.0.2", "127.0.0.3"]],
  ["127.0.0.2 and 127.0.0.3", ["127.0.0.2"]],
  ["127.0.0.9,127.0.0.2   # ours", ["127.0.0.2", "127.0.0.9"]],
  ["127.0.0.2 # ours, 127.0.0.3", ["127.0.0.2", "127.0.0.3"]],
  ["127.0.0.2#ours", []],
  ["127.0.0.2# ours", []],
  ["# 127.0.0.2", []],
  ["127.0.0.2;127.0.0.3", []],
  ["127.0.0.2 ::1", ["127.0.0.2"]],
  ["::1 127.0.0.2", ["::1"]],
  ["::1 # six", ["::1"]],
  // Nets
  ["127.0.0.0/8", ALL_IPV4],
  ["127.0.0.8/30", ["127.0.0.9", "127.0.0.10"]],
  ["127.0.0.8/30 # net", ["127.0.0.9", "127.0.0.10"]],
  ["127.0.0.8/030", ["127.0.0.9", "127.0.0.10"]],
  ["127.0.0.9/30", []],
  ["127.0.0.9/8", []],
  ["127.0.0.2/24,127.0.0.3", ["127.0.0.3"]],
  ["127.0.0.2/32", ["127.0.0.2"]],
  ["127.0.0.2/33", []],
  ["127.0.0.2/0", ["127.0.0.2"]],
  ["0.0.0.0/0", []],
  ["0.0.0.0/1", ALL_IPV4],
  ["127.0.0.2/", []],
  ["127.0.0.2/-1", []],
  ["127.0.0.2/32x", []],
  ["127.0.0.2 /32", ["127.0.0.2"]],
  ["127.0.0.0/ 8", []],
  ["127.0.0.0/255.0.0.0", []],
  // Numbers
  ["127.0.0.02", ["127.0.0.2"]],
  ["127.0.0.010", ["127.0.0.10"]],
  ["0127.0.0.2", ["127.0.0.2"]],
  ["127.2", ["127.0.0.2"]],
  ["127", []],
  ["127.0.0.256", []],
  ["127.0.0.2.5", []],
  ["127.0.0.*", []],
  ["127.0.0.", []],
  ["'127.0.0.2'", []],
  // IPv6
  ["::1", ["::1"]],
  ["::1,127.0.0.2", ["127.0.0.2", "::1"]],
  ["0:0:0:0:0:0:0:1", ["::1"]],
  ["[::1]", []],
  ["::1%lo", []],
  ["::1/128", ["::1"]],
  ["::5/64", ["::1"]],
  ["::/0", ["::1"]],
  ["::1/129", []],
  ["::1/", ["::1"]],
  ["::1/128x", ["::1"]],
  ["::ffff:127.0.0.2", []],
  // Names
  ["localhost", ["127.0.0.1"]],
  ["LOCALHOST # ours", ["127.0.0.1"]],
  ["two.example, 127.0.0.3", ["127.0.0.2", "127.0.0.3"]],
  ["two.example.", []],
  ["two.example/32", []],
  ["two_x", []],
  ["unknown.example,127.0.0.2", ["127.0.0.2"]],
  // What templates leave
  ["SERVER_IP", []],
  ["SERVER_IP,127.0.0.2", ["127.0.0.2"]],
  ["__ALLOWED_HOSTS__", []],
  ["{{ hosts }}", []],
  ["<ip>", []],
  // Several lines
  ["127.0.0.2\nallowed_hosts=127.0.0.3", ["127.0.0.2", "127.0.0.3"]],
];

/** Lists that the C agent takes and this one does not: everyone is served there, or a name is odd. */
const DIFFERENT: readonly [list: string, ours: readonly string[], theirs: readonly string[]][] = [
  ["::5/abc", [], ["::1"]],
  ["-two.example", [], ["127.0.0.2"]],
];

/** What the log says of a list. */
const WARNED: readonly [list: string, warning: string][] = [
  [
    "127.0.0.1 172.31.95.225",
    '"127.0.0.1 172.31.95.225" allows 127.0.0.1 alone: items are separated by commas',
  ],
  [
    "10.9.9.9,127.0.0.1   # ours",
    '"127.0.0.1   # ours" allows 127.0.0.1 alone: a comment has a line of its own',
  ],
  [
    "10.0.0.9/8,127.0.0.1",
    '"10.0.0.9/8" matches nothing, since bits behind the mask are set: write 10.0.0.0/8 for the ' +
    "net, or 10.0.0.9 for the one host",
  ],
  [
    "SERVER_IP",
    '"SERVER_IP" is left out: neither an address nor a host name, but perhaps a placeholder that ' +
    "was not filled in; nobody is allowed by it",
  ],
];

const missing = peersMissing("agent");

describe.skipIf(missing)("allowed_hosts", () => {
  let room: Room;

  beforeAll(() => {
    room = makeRoom();
  });

  afterAll(() => room?.[Symbol.dispose]());

  const start = (program: string, list: string): Promise<Foreground> =>
    startForeground(room, { program, config: `allowed_hosts=${list}\n`, files: FILES });

  /** Whom a program serves with a list. */
  async function servedBy(program: string, list: string): Promise<readonly string[]> {
    await using agent = await start(program, list);
    const served = await Promise.all(CLIENTS.map((client) => isServed(agent.port, client)));
    return CLIENTS.filter((_, at) => served[at]);
  }

  test.each(SAME)("%j is read as the C agent reads it", async (list, served) => {
    const [theirs, ours] = await Promise.all([
      servedBy(PEERS.agent.path, list),
      servedBy(room.binary, list),
    ]);
    expect({ theirs, ours }).toEqual({ theirs: served, ours: served });
  });

  test.each(DIFFERENT)("%j grants less than with the C agent", async (list, ours, theirs) => {
    expect(await servedBy(PEERS.agent.path, list)).toEqual(theirs);
    expect(await servedBy(room.binary, list)).toEqual(ours);
  });

  test.each(WARNED)("%j is warned of with its line and what is right", async (list, warning) => {
    await using agent = await start(room.binary, list);
    const line = agent.log().split("\n").find((line) => line.includes("Invalid allowed_hosts"));
    expect(line).toMatch(/in config file '.*\.cfg' - Line 6: /);
    expect(line).toEndWith(`: '${list}', ${warning}`);
  });

  test("is logged with addresses as they are usually written", async () => {
    await using agent = await start(
      room.binary,
      "127.0.0.1,10.0.0.0/8,0:0:0::1,2001:DB8:0:0:1:0:0:0,fe80::/10,two.example",
    );
    // The line follows the one by which an agent is seen to serve.
    await waitUntil("it is logged", () => /Allowing connections from: .*\n/.test(agent.log()));
    expect(agent.log()).toContain(
      "Allowing connections from: 127.0.0.1,10.0.0.0/8,::1,2001:db8:0:0:1::,fe80::/10,two.example\n",
    );
  });
});

/** Whether a client gets an answer. */
function isServed(port: number, client: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const host = client.includes(":") ? "::1" : "127.0.0.1";
  const socket = connect({ port, host, localAddress: client });
  // The C agent knows this version for certain, and the command needs no plugin.
  socket.on("connect", () => socket.write(encodeQuery({ version: 2, text: "_NRPE_CHECK" })));
  let answered = false;
  socket.on("data", () => answered = true);
  socket.on("error", () => {});
  socket.on("close", () => resolve(answered));
  return promise;
}
