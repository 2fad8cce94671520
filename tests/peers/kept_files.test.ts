/** The compiled agent as a daemon keeps tables in memory, and every change counts for the next client. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ask, open } from "../support/ask.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

const missing = peersMissing("agent");

/** Long enough to be seen in what the daemon reads, and to be searched by an index. */
const SIZE = 40_000;
const FILLING = "sshd: 10.77.1.2, 10.77.3.4\n".repeat(SIZE / 25);
const GRANTS = `${FILLING}nrpe: 127.0.0.1\n`;
const REFUSES = `${FILLING}nrpe: 127.0.0.2\n`;
/** A pattern file and a banner. */
const PATTERNS = `${"10.77.1.2\n".repeat(SIZE / 10)}127.0.0.1\n`;
const BANNER = `${"Go away\n".repeat(SIZE / 8)}now\n`;

interface Site {
  readonly room: Room;
  readonly daemon: Daemon;
  /** hosts.allow, in a directory of its own. */
  readonly allow: string;
}

/** What a client gets that asks nothing: a banner, or nothing until it is reset. */
async function greeting({ daemon: { port } }: Site, from?: string): Promise<string> {
  const socket = await open(port, from);
  const received: Uint8Array[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("data", (bytes: Uint8Array) => received.push(bytes)).on("error", () => {}).on(
    "close",
    resolve,
  );
  socket.end();
  await promise;
  return Buffer.concat(received).toString("latin1");
}

/** Whether the next client is granted. */
async function isGranted({ daemon: { port } }: Site): Promise<boolean> {
  const asked = await Promise.allSettled([ask(port, "_NRPE_CHECK")]);
  return asked[0].status === "fulfilled";
}

/** How much the daemon has read, in bytes; see proc(5). */
function bytesRead({ daemon: { pid } }: Site): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "latin1"))![1]);
}

/**
 * Waits until the daemon reads no file again for a client. Each comes from another address: one that is
 * refused often is not asked about again for a while.
 */
function whenKept(site: Site): Promise<void> {
  let next = 0;
  return waitUntil("the daemon keeps its files", async () => {
    const before = bytesRead(site);
    await greeting(site, `127.1.${next >> 7}.${1 + next++ % 128}`);
    return bytesRead(site) - before < SIZE;
  });
}

/** Writes into a file, which stays the same inode, and gives it its former mtime again. */
function overwrite(path: string, text: string): void {
  Bun.spawnSync(["cp", "-p", path, `${path}.before`]);
  const fd = openSync(path, "r+");
  writeSync(fd, text);
  closeSync(fd);
  Bun.spawnSync(["touch", "-r", `${path}.before`, path]);
}

/** Changes after which a client that was granted is refused. */
const CHANGES: Readonly<Record<string, (site: Site) => void>> = {
  "is replaced by another file": ({ room, allow }) =>
    renameSync(room.file("other", REFUSES), allow),
  "is edited in place, with size and mtime as before": ({ allow }) => overwrite(allow, REFUSES),
  "loses its last rule": ({ allow }) => truncateSync(allow, FILLING.length),
  "is truncated": ({ allow }) => truncateSync(allow),
  "is removed": ({ allow }) => rmSync(allow),
  "may no longer be read": ({ allow }) => chmodSync(allow, 0o600),
  "can no longer be reached": ({ allow }) => chmodSync(dirname(allow), 0o700),
  "becomes a link to another file": ({ room, allow }) => {
    rmSync(allow);
    symlinkSync(room.file("other", REFUSES), allow);
  },
  "becomes a directory": ({ allow }) => {
    rmSync(allow);
    mkdirSync(allow);
  },
};

async function startSite(rules: (room: Room) => string): Promise<Site & AsyncDisposable> {
  const room = makeRoom();
  const directory = join(room.path, "etc");
  mkdirSync(directory);
  const allow = room.file("etc/hosts.allow", rules(room));
  const deny = room.file("hosts.deny", "ALL: ALL\n");
  const daemon = await startDaemon(room, {
    config: `hosts_allow_file=${allow}\nhosts_deny_file=${deny}\ncommand[ok]=echo fine\n`,
  });
  return {
    room,
    daemon,
    allow,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      room[Symbol.dispose]();
    },
  };
}

describe.skipIf(missing).concurrent("a table that is kept", () => {
  test.each(Object.entries(CHANGES))("counts no longer when it %s", async (_, change) => {
    await using site = await startSite(() => GRANTS);
    await whenKept(site);
    expect(await isGranted(site)).toBe(true);
    change(site);
    expect(await isGranted(site)).toBe(false);
  });

  test("is kept again after a change, and counts again where the change is undone", async () => {
    await using site = await startSite(() => GRANTS);
    await whenKept(site);
    overwrite(site.allow, REFUSES);
    await whenKept(site);
    expect(await isGranted(site)).toBe(false);
    overwrite(site.allow, GRANTS);
    expect(await isGranted(site)).toBe(true);
    rmSync(site.allow);
    expect(await isGranted(site)).toBe(false);
    site.room.file("etc/hosts.allow", GRANTS);
    expect(await isGranted(site)).toBe(true);
    chmodSync(site.allow, 0o600);
    expect(await isGranted(site)).toBe(false);
    chmodSync(site.allow, 0o644);
    expect(await isGranted(site)).toBe(true);
    await whenKept(site);
    Bun.spawnSync(["touch", site.allow]);
    expect(await isGranted(site)).toBe(true);
    await whenKept(site);
  });

  test("is the one that a link leads to", async () => {
    await using site = await startSite(() => "");
    const { room, allow } = site;
    const link = (name: string) => {
      symlinkSync(join(room.path, name), `${allow}.new`);
      renameSync(`${allow}.new`, allow);
    };
    room.file("grants", GRANTS);
    room.file("refuses", REFUSES);
    for (let times = 0; times < 2; times++) {
      link("grants");
      await whenKept(site);
      expect(await isGranted(site)).toBe(true);
      link("refuses");
      expect(await isGranted(site)).toBe(false);
    }
  });

  test("is read again after each of many quick edits", async () => {
    await using site = await startSite(() => GRANTS);
    for (let times = 0; times < 30; times++) {
      overwrite(site.allow, REFUSES);
      expect(await isGranted(site)).toBe(false);
      overwrite(site.allow, GRANTS);
      expect(await isGranted(site)).toBe(true);
    }
  });
});

describe.skipIf(missing).concurrent("a file that a table names", () => {
  test("is read again when it is edited: patterns", async () => {
    await using site = await startSite((room) => {
      return `nrpe: ${room.file("patterns", PATTERNS)}\n`;
    });
    await whenKept(site);
    expect(await isGranted(site)).toBe(true);
    overwrite(join(site.room.path, "patterns"), PATTERNS.replace("127.0.0.1", "127.0.0.2"));
    expect(await isGranted(site)).toBe(false);
  });

  test("is read again when it is edited: a banner", async () => {
    await using site = await startSite((room) => {
      mkdirSync(join(room.path, "banners"));
      room.file("banners/nrpe", BANNER);
      return `nrpe: ALL: banners ${room.path}/banners: deny\n`;
    });
    await whenKept(site);
    const text = BANNER.replaceAll("\n", "\r\n");
    expect(await greeting(site)).toBe(text);
    overwrite(join(site.room.path, "banners/nrpe"), BANNER.replace("now", "yes"));
    expect(await greeting(site)).toBe(text.replace("now", "yes"));
  });
});
