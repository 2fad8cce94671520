import { describe, expect, test } from "bun:test";
import { linkSync } from "node:fs";
import { join } from "node:path";
import { peersMissing } from "../support/peers.ts";
import { BINARY, makeRoom } from "../support/room.ts";
import { compare, RECORDED } from "./compare_access.ts";

/** Where generated cases begin, and how many there are: `deno task fuzz access` asks for more. */
const FIRST = 1;
const COUNT = 2000;
const COUNT_BINARY = 300;
const COUNT_NAMED = 100;

/**
 * Recorded answers that are deliberately not ours, by their ids: `0` as a daemon pattern, which
 * there fits a server that has no port; and `user nobody`, which tcpdmatch refuses because it tries
 * to become that user.
 */
const DIFFERENT: readonly number[] = [141, 542];

const skip = peersMissing("tcpd");
const LONG = 300_000 + COUNT * 300;

// Each starts a process that compares; the longest would keep a whole run waiting.
describe.skipIf(skip)("--check-access", () => {
  test.concurrent.each(["engine", BINARY])(
    "answers as recorded from tcpdmatch, by %s",
    async (subject) => {
      const { disagreements, count } = await compare(subject, "recorded", RECORDED);
      expect(count.cases).toBe(549);
      expect(disagreements.filter(({ id }) => !DIFFERENT.includes(id))).toEqual([]);
      expect(count.disagreements).toBe(DIFFERENT.length);
    },
    LONG,
  );

  test.concurrent("agrees with tcpdmatch about generated tables, by the engine", async () => {
    console.log(`Generated tables from seed ${FIRST} on: ${COUNT}`);
    const { disagreements, count } = await compare("engine", "generated", `${FIRST}`, `${COUNT}`);
    expect(disagreements).toEqual([]);
    expect(count.cases).toBe(COUNT);
    // Every way to be decided about has to come up, or the agreement says little.
    const ways = ["granted by no", "denied by no", "granted by allow", "denied by allow"];
    ways.push("denied by deny", "granted by deny", "delegated by allow");
    for (const way of ways) expect(count.verdicts).toHaveProperty([way]);
  }, LONG);

  test.concurrent("agrees with tcpdmatch about generated tables, by the program", async () => {
    const first = FIRST + COUNT;
    console.log(`Generated tables from seed ${first} on: ${COUNT_BINARY}`);
    const { disagreements, count } = await compare(
      BINARY,
      "generated",
      `${first}`,
      `${COUNT_BINARY}`,
    );
    expect(disagreements).toEqual([]);
    expect(count.cases).toBe(COUNT_BINARY);
  }, LONG);

  test.concurrent(
    "agrees with tcpdmatch about generated tables, by the name tcpdmatch",
    async () => {
      using room = makeRoom();
      const named = join(room.path, "tcpdmatch");
      linkSync(room.binary, named);
      const first = FIRST + COUNT + COUNT_BINARY;
      console.log(`Generated tables from seed ${first} on: ${COUNT_NAMED}`);
      const { disagreements, count } = await compare(
        named,
        "generated",
        `${first}`,
        `${COUNT_NAMED}`,
      );
      expect(disagreements).toEqual([]);
      expect(count.cases).toBe(COUNT_NAMED);
    },
    LONG,
  );
});
