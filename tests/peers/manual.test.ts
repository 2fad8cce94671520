/** deploy/man as mandoc(1) reads it. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PEERS, peersMissing } from "../support/peers.ts";
import { ROOT } from "../support/room.ts";

const DIRECTORY = join(ROOT, "deploy/man");

describe.skipIf(peersMissing("mandoc"))("deploy/man", () => {
  test.each(readdirSync(DIRECTORY))("%s has nothing that mandoc warns of", (page) => {
    const { stdout, stderr } = Bun.spawnSync(
      [PEERS.mandoc.path, "-T", "lint", "-W", "warning", join(DIRECTORY, page)],
    );
    const said = `${stdout}${stderr}`.split("\n");
    // Which other pages this machine has does not matter.
    expect(said.filter((line) => line !== "" && !/mandoc\.db/.test(line))).toEqual([]);
  });
});
