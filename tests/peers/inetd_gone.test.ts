/** An agent on a listening socket whose inetd ends, reloads, or has a shell start it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { listenOn } from "../../lib/system/listen_socket.ts";
import { closeFile, SystemError } from "../../lib/system/libc.ts";
import { ask } from "../support/ask.ts";
import { type InetdKind, startInetd } from "../support/inetd.ts";
import { peersMissing } from "../support/peers.ts";
import { processesWith } from "../support/processes.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const KINDS: readonly InetdKind[] = ["inetd", "inetutilsInetd", "xinetd"];

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

/** Marks this test's plugins. */
const MARK = `4${process.pid}`;

function service(program = room.binary, before: readonly string[] = []) {
  const config = room.file(
    "nrpe.cfg",
    // Longer than a stop would let a check run.
    `shutdown_timeout=1\ncommand[who]=echo $PPID\ncommand[slow]=sleep 4.${MARK}; echo done\n`,
  );
  const argv = ["nrpe", ...before, "-n", "-c", config, "--inetd"];
  return { user: "nagios", program, argv, wait: true };
}

/** Whether another inetd could listen. */
function isFree(port: number): boolean {
  try {
    closeFile(listenOn([127, 0, 0, 1], port, 1));
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return false;
  }
}

describe.skipIf(peersMissing(...KINDS)).each(KINDS)("%s", (kind) => {
  test("that is killed leaves a free port, running checks are answered, and the next inetd serves", async () => {
    await using inetd = await startInetd(room, [service()], { kind });
    const [port] = inetd.ports as [number];
    const first = (await ask(port, "who")).text;
    const slow = ask(port, "slow");
    await waitUntil("the plugin runs", () => processesWith(`sleep 4.${MARK}`).length > 0);
    process.kill(inetd.pid, "SIGKILL");
    await waitUntil("the port is free", () => isFree(port));
    // Free while its last client is still being served.
    expect(processesWith(`sleep 4.${MARK}`)).not.toBeEmpty();
    using other = makeRoom();
    await using next = await startInetd(other, [service()], { kind, ports: [port] });
    const second = (await ask(port, "who")).text;
    expect(second).toMatch(/^[0-9]+$/);
    expect(second).not.toBe(first);
    expect((await slow).text).toBe("done");
    expect(next.ports).toEqual([port]);
  });

  test("that reloads keeps the agent that it has started", async () => {
    await using inetd = await startInetd(room, [service()], { kind });
    const [port] = inetd.ports as [number];
    const first = (await ask(port, "who")).text;
    const slow = ask(port, "slow");
    await waitUntil("the plugin runs", () => processesWith(`sleep 4.${MARK}`).length > 0);
    process.kill(inetd.pid, "SIGHUP");
    expect((await slow).text).toBe("done");
    expect((await ask(port, "who")).text).toBe(first);
  });
});

describe.skipIf(peersMissing(...KINDS))("a shell between inetd and the agent", () => {
  test.each([["stays", "; true"], ["becomes the agent", ""]])(
    "that %s makes no difference",
    async (_, rest) => {
      const script = room.file("start", `#!/bin/sh\n"$0.agent" "$@"${rest}\n`, 0o755);
      room.file("start.agent", `#!/bin/sh\nexec ${room.binary} "$@"\n`, 0o755);
      await using inetd = await startInetd(room, [service(script)]);
      const [port] = inetd.ports as [number];
      const first = (await ask(port, "who")).text;
      expect((await ask(port, "slow")).text).toBe("done");
      expect((await ask(port, "who")).text).toBe(first);
      process.kill(Number(first), "SIGTERM");
      let next = first;
      await waitUntil(
        "another one serves",
        () => ask(port, "who").then(({ text }) => (next = text) !== first, () => false),
      );
      // A shell that stays is its parent, and does not end with inetd.
      process.kill(Number(next), "SIGTERM");
    },
  );
});
