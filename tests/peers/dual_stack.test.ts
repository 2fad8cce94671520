/**
 * IPv4 clients that come to a socket of IPv6, with addresses like ::ffff:127.0.0.1 (RFC 4291, 2.5.5.2):
 * the agent alone treats them as tcpd and the C agent do.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Ident, startIdent } from "../support/ident.ts";
import { ownAddress } from "../support/loopback.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { type BothSides, type Case, SIDES, startBothSides } from "./both_sides.ts";

/** The client whose host tells its user, by RFC 1413. */
const TELLING = ownAddress(4);

/** Clients by the address they ask from; the first two arrive with mapped addresses. */
const CLIENTS = ["127.0.0.1", "127.0.0.2", "::1"] as const;

const CASES: Readonly<Record<string, Case>> = {
  none: {},
  address: { allow: "127.0.0.2", deny: "ALL" },
  denied: { deny: "127.0.0.2" },
  net: { allow: "127.0.0.2/31", deny: "ALL" },
  mask: { allow: "127.0.0.0/255.255.255.254", deny: "ALL" },
  prefix: { allow: "127.0.", deny: "ALL" },
  wildcard: { allow: "127.0.*.2", deny: "ALL" },
  bracketed: { allow: "[127.0.0.2]", deny: "ALL" },
  mapped: { allow: "[::ffff:127.0.0.2]", deny: "ALL" },
  mappedhex: { allow: "[::ffff:7f00:2]", deny: "ALL" },
  mappeddenied: { deny: "[::ffff:127.0.0.2]" },
  mappedbare: { allow: "::ffff:127.0.0.2", deny: "ALL" },
  mappednet: { allow: "[::ffff:127.0.0.0]/120", deny: "ALL" },
  allmapped: { allow: "[::ffff:0:0]/96", deny: "ALL" },
  allsix: { allow: "[::]/0", deny: "ALL" },
  six: { allow: "[::1]", deny: "ALL" },
  sixdenied: { deny: "[::1]" },
  both: { allow: "127.0.0.2 [::1]", deny: "ALL" },
  except: { allow: "ALL EXCEPT 127.0.0.2", deny: "ALL" },
  exceptnet: { allow: "ALL EXCEPT 127.0.0.2/31", deny: "ALL" },
  exceptprefix: { allow: "ALL EXCEPT 127.0.", deny: "ALL" },
  exceptmapped: { allow: "ALL EXCEPT [::ffff:127.0.0.2]", deny: "ALL" },
  exceptallmapped: { allow: "ALL EXCEPT [::ffff:0:0]/96", deny: "ALL" },
  exceptsix: { allow: "ALL EXCEPT [::1]", deny: "ALL" },
  exceptwithin: { allow: "127.0. EXCEPT 127.0.0.2", deny: "ALL" },
  exceptdenied: { deny: "ALL EXCEPT 127.0.0.2 [::1]" },
  name: { allow: "two.example", deny: "ALL" },
  known: { allow: "KNOWN", deny: "ALL" },
  paranoid: { deny: "PARANOID" },
  file: { allow: "@DIR@/clients", deny: "ALL" },
  server: { server: "127.0.0.1", deny: "ALL" },
  serversix: { server: "[::1]", deny: "ALL" },
  servermapped: { server: "[::ffff:127.0.0.1]", deny: "ALL" },
  alice: { allow: "alice@ALL", deny: "ALL" },
  severity: { allow: "127.0.0.2: severity local1.notice", deny: "ALL: severity auth.alert" },
  spawn: {
    allow: "127.0. [::1]: spawn echo %a %c %d %h %n %s %A %H %N %u %% >> @NAME@.spawned",
    deny: "ALL",
  },
  spawnrefused: { deny: "127.0.0.2: spawn echo refused %h %c >> @NAME@.spawned" },
  setenv: { allow: "ALL: setenv GREETING hello %a at %A" },
  aclexec: { allow: "ALL: aclexec test %a = 127.0.0.2", deny: "ALL" },
  banners: { deny: "127.0.0.2: banners @DIR@/banners" },
  twist: { deny: "127.0.0.2: twist echo twisted %a %A" },
};

const NAMES = Object.keys(CASES);

describe.skipIf(peersMissing("agent", "xinetd", "tcpd"))("behind a socket of both families", () => {
  let room: Room;
  let both: BothSides;
  let ident: Ident;

  beforeAll(async () => {
    room = makeRoom();
    both = await startBothSides(room, CASES, { kind: "xinetd", dual: true });
    ident = await startIdent(TELLING, "alice");
  });

  afterAll(async () => {
    await ident?.[Symbol.asyncDispose]();
    await both?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  test.concurrent.each(NAMES.flatMap((name) => CLIENTS.map((client) => [name, client] as const)))(
    "the case %s of client %s is treated as by tcpd",
    async (name, client) => {
      const [theirs, ours] = await Promise.all(
        SIDES.map((side) => both.ask(side, name, client)),
      ) as [string, string];
      expect(ours).toBe(theirs);
    },
  );

  test.each(["spawn", "spawnrefused"])("the commands of %s are run as by tcpd", (name) => {
    expect(both.spawned("nrpe", name)).toEqual(both.spawned("tcpd", name));
    expect(both.spawned("nrpe", name).join("\n")).toContain("127.0.0.2");
  });

  test.each(
    [
      ["none", "127.0.0.1"],
      ["address", "127.0.0.2"],
      ["address", "127.0.0.3"],
      ["address", "::1"],
      ["net", "127.0.0.1"],
      ["mappednet", "127.0.0.2"],
      ["name", "127.0.0.2"],
      ["paranoid", "127.0.0.3"],
      ["alice", TELLING],
      ["alice", "127.0.0.1"],
      ["severity", "127.0.0.2"],
      ["severity", "127.0.0.1"],
      ["twist", "127.0.0.2"],
    ] as const,
  )("the case %s of client %s is logged in tcpd's words", async (name, client) => {
    const theirs = await both.logged("tcpd", name, client);
    expect(await both.logged("nrpe", name, client)).toEqual(theirs);
  });

  test.each(["mapped", "exceptmapped"])(
    "the case %s is logged in tcpd's words, but no name is looked up that cannot fit",
    async (name) => {
      const theirs = await both.logged("tcpd", name, "127.0.0.2");
      const ours = await both.logged("nrpe", name, "127.0.0.2");
      expect(theirs).toHaveLength(1);
      expect(ours).toEqual(
        theirs.map((line) => ({ ...line, text: line.text.replace("two.example", "127.0.0.2") })),
      );
    },
  );
});
