/** What the agent needs and does not get: processes, space on a disk. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { decodeResponse } from "../../lib/protocol/decode.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { startAgent } from "../support/agent.ts";
import { ask } from "../support/ask.ts";
import { startDaemon } from "../support/daemon.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";

const missing = peersMissing("inetd");

/** A user of whom nothing else runs. */
const USER = "61234";

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

describe.skipIf(missing)("without another process", () => {
  test("a process for one client answers that the plugin could not be started", async () => {
    const config = room.file("nrpe.cfg", "tcp_wrappers=0\ncommand[x]=/bin/echo fine\n");
    const limited = [
      ...["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"],
      ...["prlimit", "--nproc=1"],
    ];
    const args = ["-n", "-c", config, "--inetd"];
    const agent = startAgent(room.binary, args, { PATH: "/usr/bin:/bin" }, limited);
    agent.send(encodeQuery({ version: 4, text: "x" }));
    const bytes = await agent.received();
    // The runtime may have wanted a thread of its own, and ended.
    if (bytes.byteLength === 0) return expect(await agent.exited).not.toBe(0);
    expect(decodeResponse(bytes)).toMatchObject({
      packet: { code: 3, text: expect.stringContaining("Resource temporarily unavailable") },
    });
    expect(await agent.exited).toBe(0);
  });
});

describe.skipIf(missing)("on a full disk", () => {
  test("a certificate is in memory alone, and nothing is left of the file", async () => {
    const disk = join(room.path, "disk");
    const listing = join(room.path, "listing");
    await using daemon = await startDaemon(room, {
      args: [],
      config: `tcp_wrappers=0\ntls_state_file=${disk}/state\ncommand[x]=/bin/echo fine\n`,
      before: `mkdir ${disk}; mount -t tmpfs -o size=4k,mode=755 disk ${disk}; ` +
        `head -c 4096 /dev/zero > ${disk}/filler; ln -s /proc/$$/root${disk} ${listing}`,
    });
    expect((await ask(daemon.port, "x", { tls: {} })).text).toBe("fine");
    await daemon.logged(/Warning: Cannot use tls_state_file '.*': No space left on device/);
    expect(readdirSync(`${listing}/`)).toEqual(["filler"]);
  });
});
