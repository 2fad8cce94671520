import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeFile, Errno, now, Open, openFile } from "../../lib/system/libc.ts";
import { listenOn } from "../../lib/system/listen_socket.ts";
import {
  duplicate,
  endpointOf,
  isListening,
  isSocket,
  lingeringClose,
  peerOf,
  receive,
  send,
  serverEndOf,
  socketPair,
} from "../../lib/system/socket.ts";
import { seededRandom } from "../support/random.ts";

/** A socket address: family in the machine's order, port, and in IPv6 the flow label. */
function sockaddr(family: 2 | 10, port: number, address: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(28);
  new Uint16Array(bytes.buffer)[0] = family;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(address, family === 10 ? 8 : 4);
  return bytes;
}

const zeros = (count: number) => new Array<number>(count).fill(0);

describe("endpointOf()", () => {
  test.each(
    [
      [2, [192, 0, 2, 7], "192.0.2.7"],
      [10, [0x20, 1, 0xd, 0xb8, ...zeros(11), 1], "2001:db8::1"],
      [10, [...zeros(15), 1], "::1"],
      [10, zeros(16), "::"],
      [10, [...zeros(10), 0xff, 0xff, 127, 0, 0, 2], "127.0.0.2"],
    ] as const,
  )("reads an address of family %d, %j, as %s", (family, bytes, address) => {
    expect(endpointOf(sockaddr(family, 5666, bytes))).toEqual({ address, port: 5666 });
  });

  test("is undefined for another family", () => {
    expect(endpointOf(new Uint8Array(28))).toBeUndefined();
  });
});

describe("a connection", () => {
  let own: number;
  let other: number;
  let open: Set<number>;

  beforeEach(() => {
    [own, other] = socketPair();
    open = new Set([own, other]);
  });

  afterEach(() => {
    for (const fd of open) closeFile(fd);
  });

  function close(fd: number): void {
    closeFile(fd);
    open.delete(fd);
  }

  /** How long a call may take that has nothing to wait for, in milliseconds of now(). */
  const soon = () => now() + 60_000;

  test("brings what was sent, in its order, and then its end", () => {
    const random = seededRandom(20261124);
    const sent: Uint8Array[] = [];
    for (let time = 0; time < 20; time++) {
      sent.push(random.bytes(1 + random.below(500)));
      expect(send(other, sent.at(-1)!, soon())).toBeUndefined();
    }
    close(other);
    const received: Uint8Array[] = [];
    const buffer = new Uint8Array(64);
    for (let got = receive(own, buffer, soon()); got.kind !== "closed";) {
      if (got.kind !== "bytes") throw new Error(got.kind);
      received.push(buffer.slice(0, got.count));
      got = receive(own, buffer, soon());
    }
    expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
  });

  test.each([
    ["a read", (deadline: number) => receive(own, new Uint8Array(9), deadline)],
    // More than the other end has room for.
    ["a write", (deadline: number) => send(own, new Uint8Array(1_000_000), deadline)],
  ])("lets %s time out at the deadline, and not before", (_, call) => {
    const deadline = now() + 20;
    expect(call(deadline)).toEqual({ kind: "timed out" });
    expect(now()).toBeGreaterThanOrEqual(deadline);
  });

  test("fails with EPIPE once the other end has gone", () => {
    close(other);
    expect(send(own, Uint8Array.of(1), soon())).toEqual({ kind: "failed", errno: Errno.EPIPE });
  });

  test("that is closed lingeringly has its end announced, and its unread bytes taken away", () => {
    send(other, new Uint8Array(100_000), soon());
    const begin = now();
    lingeringClose(own, begin + 20);
    // The other end still can send, so its end is waited for.
    expect(now()).toBeGreaterThanOrEqual(begin + 20);
    expect(receive(other, new Uint8Array(9), soon())).toEqual({ kind: "closed" });
    expect(receive(own, new Uint8Array(9), now())).toEqual({ kind: "timed out" });
    close(other);
    lingeringClose(own, soon());
  });

  test("that has nothing to read is closed lingeringly at once, and no end is announced", () => {
    lingeringClose(own, soon());
    expect(receive(other, new Uint8Array(9), now())).toEqual({ kind: "timed out" });
  });

  test("lives on in a copy of its descriptor", () => {
    const copy = duplicate(own);
    open.add(copy);
    close(own);
    send(other, Uint8Array.of(7), soon());
    expect(receive(copy, new Uint8Array(9), soon())).toEqual({ kind: "bytes", count: 1 });
  });
});

describe("a descriptor", () => {
  /** Descriptors of each kind, and what is known of them. */
  const kinds = [
    ["a pair's socket", () => socketPair(), { isSocket: true, isListening: false }],
    [
      "a socket that listens",
      () => [listenOn([127, 0, 0, 1], 0, 1)],
      { isSocket: true, isListening: true },
    ],
    [
      "a file",
      () => [openFile("/dev/null", Open.readOnly)],
      { isSocket: false, isListening: false },
    ],
  ] as const;

  test.each(kinds)("of %s is known as one", (_, make, expected) => {
    const fds = make();
    expect({ isSocket: isSocket(fds[0]!), isListening: isListening(fds[0]!) }).toEqual(expected);
    for (const fd of fds) closeFile(fd);
  });

  test("has an address of its own, and of its peer only where it is connected", () => {
    const listening = listenOn([127, 0, 0, 1], 0, 1);
    expect(serverEndOf(listening)).toMatchObject({ address: "127.0.0.1" });
    expect(serverEndOf(listening)!.port).toBeGreaterThan(0);
    expect(() => peerOf(listening)).toThrow("getpeername: Transport endpoint is not connected");
    closeFile(listening);
    const fds = socketPair();
    expect(peerOf(fds[0])).toBeUndefined();
    for (const fd of fds) closeFile(fd);
    expect(() => peerOf(-1)).toThrow("getpeername: Bad file descriptor");
  });
});
