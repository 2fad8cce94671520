import { afterEach, expect, test } from "bun:test";
import { type Listeners, makeListeners } from "../../lib/serve/listeners.ts";
import { bindLibc, closeFile } from "../../lib/system/libc.ts";
import { listenOn } from "../../lib/system/listen_socket.ts";
import { beginConnecting, linger } from "../../lib/system/socket.ts";
import type { Stream } from "../../lib/system/stream.ts";
import { freePorts } from "../support/ports.ts";
import { waitUntil } from "../support/wait_until.ts";

const libc = bindLibc({
  getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
});
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** The offset of `tcpi_sacked` in `struct tcp_info`: the backlog of a listening socket. */
const SACKED_AT = 28;

/** How many are accepted in one turn of the event loop at most. */
const BATCH = 64;

let open: number[] = [];
let listeners: Listeners | undefined;

afterEach(() => {
  listeners?.close();
  for (const fd of open) closeFile(fd);
  open = [];
});

/** Begins so many connections, which wait in the kernel's queue; no event is handled meanwhile. */
function connect(port: number, count: number): void {
  for (let at = 0; at < count; at++) open.push(beginConnecting("127.0.0.1", port));
}

test.each([["stay", false], ["are reset before", true]])(
  "connections that %s are accepted in batches, so that a flood leaves turns to others",
  async (_, resetFirst) => {
    let turn = 0;
    let counting = true;
    setImmediate(function next() {
      turn++;
      if (counting) setImmediate(next);
    });
    const taken: number[] = [];
    const streams: Stream[] = [];
    listeners = makeListeners((stream) => {
      taken.push(turn);
      streams.push(stream);
    }, () => {});
    const [port] = freePorts(1) as [number];
    const local = { address: "127.0.0.1", bytes: [127, 0, 0, 1], port, optional: false };
    listeners.move([local], 1000);
    connect(port, 300);
    if (resetFirst) {
      for (const fd of open) {
        linger(fd, 0);
        closeFile(fd);
      }
      open = [];
      // Those that come last are taken last, in a later turn.
      connect(port, 1);
    }
    const count = resetFirst ? 1 : 300;
    await waitUntil("all are accepted", () => taken.length === count);
    counting = false;
    const perTurn = new Map<number, number>();
    for (const turn of taken) perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
    expect(Math.max(...perTurn.values())).toBeLessThanOrEqual(BATCH);
    expect(taken.at(-1)! - (resetFirst ? 0 : taken[0]!)).toBeGreaterThanOrEqual(4);
    for (const stream of streams) stream.close();
  },
);

test("the backlog is that of nrpe.cfg also after connections had to wait", async () => {
  let accepted = 0;
  listeners = makeListeners((stream) => {
    accepted++;
    stream.close();
  }, () => {});
  const [port] = freePorts(1) as [number];
  const fd = listenOn([127, 0, 0, 1], port, 1);
  listeners.inherit(fd, 77);
  connect(port, 70);
  await waitUntil("all are accepted", () => accepted === 70);
  await waitUntil("the agent accepts again", () => backlogOf(fd) === 77);
});

function backlogOf(fd: number): number {
  const info = new Uint8Array(256);
  libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, new Uint32Array([info.byteLength]));
  return new DataView(info.buffer).getUint32(SACKED_AT, true);
}
