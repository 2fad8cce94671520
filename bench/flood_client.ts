/**
 * A client that means harm: many connections a second from one address or from many, on raw sockets in
 * one thread, so that it takes little of the processor that it shares with the agent.
 *
 * Usage: bun flood_client.ts connects|hellos PORT SOURCES MILLISECONDS
 *        bun flood_client.ts silent|slow PORT SOURCES MILLISECONDS COUNT
 *
 * SOURCES is how many addresses of loopback it comes from. `connects` opens 10,000 connections a second
 * and resets them, `hellos` sends the beginning of a TLS handshake on each; `silent` keeps COUNT connections open
 * and says nothing, `slow` sends a byte a second on each. Prints how many connections it has made.
 */
import { connect as connectTls } from "node:tls";
import { encodeQuery } from "../lib/protocol/encode.ts";
import { bindLibc, closeFile, now } from "../lib/system/libc.ts";
import { connectionError, socketAddress } from "../lib/system/socket.ts";

const libc = bindLibc({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  connect: { args: ["i32", "buffer", "u32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
  getpeername: { args: ["i32", "buffer", "buffer"], returns: "i32" },
  send: { args: ["i32", "buffer", "u64", "i32"], returns: "i32" },
});

const AF_INET = 2;
const STREAM = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const MSG_NOSIGNAL = 0x4000;
const ECONNRESET = 104;
/** How many connections a second it opens. As many as it can would measure the kernel's queue alone. */
const RATE = 10_000;
/** How many connections are open at a time: each lives for 50 ms. */
const AT_ONCE = 512;
/** The pause between two bytes of a slow client, in milliseconds. */
const SLOW = 1_000;

const [kind, port, sources, milliseconds, count] = process.argv.slice(2) as [
  "connects" | "hellos" | "silent" | "slow",
  ...string[],
];
const agent = socketAddress([127, 0, 0, 1], Number(port));
const reset = new Int32Array([1, 0]);
let made = 0;

/** Begins to connect from the next address; returns -1 where the kernel has no socket or port. */
function begin(number: number): number {
  const fd = libc.socket(AF_INET, STREAM, 0);
  if (fd < 0) return -1;
  const at = number % Number(sources);
  const own = socketAddress([127, 9, at >> 8 & 255, at & 255], 0);
  libc.bind(fd, own, own.byteLength);
  libc.connect(fd, agent, agent.byteLength);
  return fd;
}

/** Whether a connection was made; the agent may have reset it since. */
function wasMade(fd: number): boolean {
  return libc.getpeername(fd, new Uint8Array(16), new Int32Array([16])) === 0 ||
    connectionError(fd) === ECONNRESET;
}

function end(fd: number): void {
  if (wasMade(fd)) made++;
  libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, reset, reset.byteLength);
  closeFile(fd);
}

/** The first record that a TLS client sends. */
async function recordedHello(): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { binaryType: "uint8array", data: (_, bytes) => resolve(bytes.slice()) },
  });
  const client = connectTls({ host: "127.0.0.1", port: listener.port }).on("error", () => {});
  const hello = await promise;
  client.destroy();
  listener.stop(true);
  return hello;
}

function flood(first: Uint8Array | undefined): void {
  const open: number[] = [];
  const begun = now();
  const deadline = begun + Number(milliseconds);
  for (let number = 0; now() < deadline; number++) {
    while (number > (now() - begun) * RATE / 1000) Bun.sleepSync(1);
    const fd = begin(number);
    if (fd >= 0) {
      if (first !== undefined) libc.send(fd, first, first.byteLength, MSG_NOSIGNAL);
      open[number % AT_ONCE] = fd;
    }
    const oldest = open[(number + 1) % AT_ONCE];
    if (oldest === undefined) continue;
    end(oldest);
    delete open[(number + 1) % AT_ONCE];
  }
  for (const fd of open) if (fd !== undefined) end(fd);
}

/** Keeps connections open, and sends a byte of a text a second on each. */
async function stay(text: Uint8Array): Promise<void> {
  const deadline = now() + Number(milliseconds);
  const open = Array.from({ length: Number(count) }, (_, number) => begin(number));
  for (let at = 0; now() < deadline; at++) {
    const byte = text.subarray(at, at + 1);
    if (byte.byteLength > 0) { for (const fd of open) libc.send(fd, byte, 1, MSG_NOSIGNAL); }
    await Bun.sleep(Math.max(0, Math.min(SLOW, deadline - now())));
  }
  for (const fd of open) end(fd);
}

switch (kind) {
  case "connects":
    flood(undefined);
    break;
  case "hellos":
    flood(await recordedHello());
    break;
  case "silent":
    await stay(new Uint8Array(0));
    break;
  case "slow":
    await stay(encodeQuery({ version: 4, text: "echo" }));
    break;
}
console.log(made);
process.exit(0);
