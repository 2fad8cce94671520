/**
 * The agent and the C agent, side by side under one inetd with one nrpe.cfg, asked by check_nrpe.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkNrpe } from "../lab/check_nrpe.ts";
import { type Inetd, startInetd } from "../lab/inetd.ts";
import { PEERS, peersMissing } from "../lab/peers.ts";
import { makeRoom, type Room } from "../lab/room.ts";
import { COMMANDS, DIFFERENT, REQUESTS } from "./requests.ts";

const missing = peersMissing("checkNrpe", "agent", "plugins", "inetd");

describe.skipIf(missing)("behind inetd, beside the C agent", () => {
  let room: Room;
  let inetd: Inetd;
  let reference: number;
  let ours: number;

  beforeAll(async () => {
    room = makeRoom();
    const lines = { ...COMMANDS };
    for (const [name, { line }] of Object.entries(DIFFERENT)) lines[name] = line;
    const config = room.file(
      "nrpe.cfg",
      "command_timeout=5\n" +
        Object.entries(lines).map(([name, line]) => `command[${name}]=${line}\n`).join(""),
    );
    const argv = ["nrpe", "-n", "-c", config, "--inetd"];
    inetd = await startInetd(room, [
      { user: "nagios", program: PEERS.agent.path, argv },
      { user: "nagios", program: room.binary, argv },
    ], { env: { LANG: "C.UTF-8", HOME: "/nonexistent" } });
    [reference, ours] = inetd.ports as [number, number];
  });

  afterAll(async () => {
    await inetd?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  describe.each(Object.keys(COMMANDS))("%s", (name) => {
    test.concurrent.each(["-2", "default"])("answers %s as the C agent does", async (version) => {
      const args = version === "-2" ? ["-2", "-c", name] : ["-c", name];
      const [theirs, our] = await Promise.all([
        checkNrpe(reference, ...args),
        checkNrpe(ours, ...args),
      ]);
      expect(our).toEqual(theirs);
    });

    test.concurrent("answers -3 as the default", async () => {
      const [v3, v4] = await Promise.all([
        checkNrpe(ours, "-3", "-c", name),
        checkNrpe(ours, "-c", name),
      ]);
      expect(v3).toEqual(v4);
    });
  });

  test.concurrent.each(Object.entries(DIFFERENT))(
    "answers %s better than the C agent does",
    async (name, { output, output2, status }) => {
      expect(await checkNrpe(ours, "-c", name)).toEqual({ status, output });
      expect(await checkNrpe(ours, "-3", "-c", name)).toEqual({ status, output });
      expect(await checkNrpe(ours, "-2", "-c", name)).toEqual({ status, output: output2 });
    },
  );

  test.each(REQUESTS.map((args) => [args]))(
    "answers the request %j as the C agent does",
    async (args) => {
      for (const version of [["-2"], []]) {
        const theirs = await checkNrpe(reference, ...version, ...args);
        expect(await checkNrpe(ours, ...version, ...args)).toEqual(theirs);
      }
    },
  );
});
