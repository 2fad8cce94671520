/**
 * The agent and the C agent, side by side under one inetd with one nrpe.cfg, asked by check_nrpe.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkNrpe } from "../support/check_nrpe.ts";
import { type Inetd, startInetd } from "../support/inetd.ts";
import { PEERS, peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { AMPLE, COMMANDS, DIFFERENT, ENDLESS, REQUESTS } from "./requests.ts";

const missing = peersMissing("checkNrpe", "agent", "plugins", "inetd");

describe.skipIf(missing)("under inetd the agent", () => {
  let room: Room;
  let inetd: Inetd;
  /** The ports of the C agent and of ours, with ample time for commands and with little. */
  let patient: readonly [reference: number, ours: number];
  let impatient: readonly [reference: number, ours: number];
  const agentsFor = (name: string) => name in ENDLESS ? impatient : patient;

  beforeAll(async () => {
    room = makeRoom();
    const lines = { ...COMMANDS };
    for (const [name, { line }] of Object.entries(DIFFERENT)) lines[name] = line;
    const services = [[AMPLE, lines] as const, [1, ENDLESS] as const].flatMap(
      ([seconds, commands]) => {
        const config = room.file(
          `nrpe.${seconds}.cfg`,
          `command_timeout=${seconds}\n` +
            Object.entries(commands).map(([name, line]) => `command[${name}]=${line}\n`).join(""),
        );
        const argv = ["nrpe", "-n", "-c", config, "--inetd"];
        return [PEERS.agent.path, room.binary].map((program) => ({
          user: "nagios",
          program,
          argv,
        }));
      },
    );
    inetd = await startInetd(room, services, { env: { LANG: "C.UTF-8", HOME: "/nonexistent" } });
    const [first, second, third, fourth] = inetd.ports as [number, number, number, number];
    patient = [first, second];
    impatient = [third, fourth];
  });

  afterAll(async () => {
    await inetd?.[Symbol.asyncDispose]();
    room?.[Symbol.dispose]();
  });

  describe.each(Object.keys({ ...COMMANDS, ...ENDLESS }))("asked for %s", (name) => {
    test.concurrent.each(["-2", "default"])("answers %s as the C agent does", async (version) => {
      const [reference, ours] = agentsFor(name);
      const args = version === "-2" ? ["-2", "-c", name] : ["-c", name];
      const [theirs, our] = await Promise.all([
        checkNrpe(reference, ...args),
        checkNrpe(ours, ...args),
      ]);
      expect(our).toEqual(theirs);
    });

    test.concurrent("answers -3 as the default", async () => {
      const [, ours] = agentsFor(name);
      const [v3, v4] = await Promise.all([
        checkNrpe(ours, "-3", "-c", name),
        checkNrpe(ours, "-c", name),
      ]);
      expect(v3).toEqual(v4);
    });
  });

  test.concurrent.each(Object.entries(DIFFERENT))(
    "asked for %s answers better than the C agent does",
    async (name, { output, output2, status }) => {
      const [, ours] = patient;
      expect(await checkNrpe(ours, "-c", name)).toEqual({ status, output });
      expect(await checkNrpe(ours, "-3", "-c", name)).toEqual({ status, output });
      expect(await checkNrpe(ours, "-2", "-c", name)).toEqual({ status, output: output2 });
    },
  );

  test.each(REQUESTS.map((args) => [args]))(
    "asked with %j answers as the C agent does",
    async (args) => {
      const [reference, ours] = patient;
      for (const version of [["-2"], []]) {
        const theirs = await checkNrpe(reference, ...version, ...args);
        expect(await checkNrpe(ours, ...version, ...args)).toEqual(theirs);
      }
    },
  );
});
