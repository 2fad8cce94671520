/** Conversations of clients that say almost anything: packets changed in every field, cut, split and joined. */
import { encodeBytes } from "../../lib/bytes.ts";
import {
  BUFFER_LENGTH_AT,
  CHECKSUM_AT,
  checksumOf,
  layoutOf,
  MAX_BUFFER,
  type PacketVersion,
  putInt16,
  putInt32,
  RESULT_CODE_AT,
  type ResultCode,
} from "../../lib/protocol/packet.ts";
import type { Random } from "../support/random.ts";

/**
 * What a client does next: it sends bytes; ends its sending direction; waits, while other clients are
 * served; closes or resets the connection; or says nothing more until all others are done.
 */
export type Step =
  | { readonly do: "send"; readonly bytes: Uint8Array }
  | { readonly do: "end" | "wait" | "close" | "reset" | "stall" };

/** What one client does, in its order. Without a last word it waits for the agent to close. */
export type Plan = readonly Step[];

/** A command of the agents, and its answer: none depends on what a client sends. */
interface FuzzedCommand {
  readonly line: string;
  readonly code: ResultCode;
  readonly text: string;
}

export const COMMANDS: Readonly<Record<string, FuzzedCommand>> = {
  hello: { line: "/bin/echo hello", code: 0, text: "hello" },
  critical: { line: "echo broken; exit 2", code: 2, text: "broken" },
  silent: { line: "/bin/true", code: 3, text: "NRPE: Unable to read output" },
  "with space": { line: "/bin/echo space", code: 0, text: "space" },
  long: { line: "head -c 5000 /dev/zero | tr '\\0' x; exit 1", code: 1, text: "x".repeat(5000) },
};

const VERSIONS: readonly PacketVersion[] = [2, 3, 4];
const ALIGNMENT_AT = 10;

/** Where a version's standard query has its text. */
const USUAL_BUFFER = { 2: 1024, 3: 1017, 4: 1020 } as const;

/** Makes the plan of one client. */
export function planOf(random: Random): Plan {
  const bytes = bytesOf(random);
  return paced(random, bytes, cutsOf(random, bytes.byteLength));
}

/** What a client sends, in all. */
export function bytesOf(random: Random): Uint8Array {
  const packet = random.below(30) === 0 ? strangeBytes(random) : packetOf(random);
  switch (random.below(9)) {
    case 0:
      return spoilt(random, packet);
    case 1:
      return packet.slice(0, random.below(packet.byteLength + 1));
    case 2:
      return Buffer.concat([packet, random.bytes(1 + random.below(3000))]);
    case 3:
      return Buffer.concat([packet, packetOf(random)]);
    default:
      return packet;
  }
}

/** The text of a request. Few of them run a plugin, which takes longer than all the rest. */
export function textOf(random: Random): string {
  switch (random.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return "_NRPE_CHECK";
    case 5:
      return odd(random, 3) ? random.pick(Object.keys(COMMANDS)) : "not defined";
    case 6:
      return random.pick([
        "",
        "!",
        "!!",
        " ",
        "\n",
        "_NRPE_CHECK!",
        "!_NRPE_CHECK",
        "!hello",
        "hello ",
      ]);
    case 7:
      return `${random.pick(Object.keys(COMMANDS))}!${byteText(random, random.below(40))}`;
    case 8:
      return byteText(random, random.below(60));
    case 9:
      return random.pick(["_NRPE_CHECK\0", "hello\0", "\0hello", "hel\0lo", "\0"]) +
        byteText(random, random.below(20));
    case 10:
      return "u".repeat(
        random.pick([1, 1016, 1017, 1018, 1020, 1022, 1023, 1024, 1025, 2048, 4096]),
      );
    case 11:
      return random.below(8) === 0
        ? "v".repeat(random.pick([16384, 32767, 65533, 65534, 65535]))
        : random.pick([
          "K\xc3\xa4se",
          "\xff\xfe",
          "%s%n%d",
          "$ARG1$",
          "../../bin/sh",
          "a".repeat(300),
        ]);
    case 12:
      return `hello${random.pick([..."|`&><'\\[]{};\r\n"])}`;
    case 13:
      return `hello!${random.pick(["$(id)", "a!b", "!", "$", "(", "`id`", "a b", "\t"])}`;
    default:
      return random.pick([
        "undefined",
        "HELLO",
        "_NRPE_CHECK ",
        "_nrpe_check",
        "critical",
        "x y z",
      ]);
  }
}

function byteText(random: Random, length: number): string {
  let text = "";
  for (let at = 0; at < length; at++) {
    text += String.fromCharCode(
      random.below(3) === 0 ? random.below(256) : 0x20 + random.below(95),
    );
  }
  return text;
}

/** A packet of which now and then one field or another is not what it should be. */
function packetOf(random: Random): Uint8Array {
  const version = random.pick(VERSIONS);
  const text = encodeBytes(textOf(random));
  const buffer = bufferFor(random, version, text);
  const { buffer: start, packetLength } = layoutOf(version, buffer.byteLength);
  const packet = new Uint8Array(packetLength);
  packet.set(buffer, start);
  putInt16(packet, 0, version);
  putInt16(packet, 2, odd(random, 25) ? random.pick([0, 2, 3, 4, 257, 0xffff]) : 1);
  putInt16(packet, RESULT_CODE_AT, odd(random, 4) ? random.below(65536) : 0);
  if (version !== 2) putInt32(packet, BUFFER_LENGTH_AT, buffer.byteLength);
  if (version === 2 && odd(random, 5)) packet.set(random.bytes(2), packetLength - 2);
  if (version === 3 && odd(random, 5)) packet.set(random.bytes(3), packetLength - 3);
  putInt32(packet, CHECKSUM_AT, checksumOf(packet, version));
  if (version !== 2 && odd(random, 8)) putInt16(packet, ALIGNMENT_AT, random.below(65536));
  if (odd(random, 6)) misannounce(random, packet, version);
  return packet;
}

/** The buffer of a packet: the text, most often with its NUL, and padding. */
function bufferFor(random: Random, version: PacketVersion, text: Uint8Array): Uint8Array {
  if (version === 2) {
    const buffer = odd(random, 6) ? random.bytes(1024) : new Uint8Array(1024);
    buffer.set(text.subarray(0, 1024));
    if (text.byteLength < 1024) buffer[text.byteLength] = 0;
    return buffer;
  }
  const least = text.byteLength + 1;
  const length = Math.min(
    MAX_BUFFER,
    random.pick([
      Math.max(least, USUAL_BUFFER[version]),
      Math.max(least, USUAL_BUFFER[version]),
      least,
      least + random.below(40),
      Math.max(1, text.byteLength),
      Math.max(least, random.pick([1023, 1024, 1025, 2048, 4096])),
    ]),
  );
  const buffer = odd(random, 6) ? random.bytes(length) : new Uint8Array(length);
  buffer.set(text.subarray(0, length));
  if (text.byteLength < length) buffer[text.byteLength] = 0;
  return buffer;
}

/** Announces another version, length or checksum; a new checksum, or the old one, for what is then there. */
function misannounce(random: Random, packet: Uint8Array, version: PacketVersion): void {
  switch (random.below(4)) {
    case 0:
      putInt16(packet, 0, random.pick([0, 1, 2, 3, 4, 5, 6, 255, 256, 512, 1024, 0x1603, 0xffff]));
      break;
    case 1:
      if (version === 2) break;
      putInt32(
        packet,
        BUFFER_LENGTH_AT,
        random.pick([
          ...[0, 1, 2, 3, 16, 1017, 1020, 1024, 65535, 65536, 65537, 65540, 0x7fffffff, -1],
          ...[-0x80000000, -1017, random.below(2000), packet.byteLength, packet.byteLength - 19],
        ]),
      );
      break;
    case 2:
      putInt32(packet, CHECKSUM_AT, random.pick([0, -1, random.below(2 ** 31)]));
      return;
    case 3:
      // As one would have it that takes the alignment for a part.
      if (version !== 2) putInt16(packet, ALIGNMENT_AT, 1 + random.below(65535));
      putInt32(packet, CHECKSUM_AT, 0);
      putInt32(packet, CHECKSUM_AT, Bun.hash.crc32(packet) | 0);
      return;
  }
  if (odd(random, 2)) putInt32(packet, CHECKSUM_AT, checksumOf(packet, random.pick(VERSIONS)));
}

/** Flips bits, or takes bytes away or puts some in. */
function spoilt(random: Random, packet: Uint8Array): Uint8Array {
  const at = random.below(random.pick([20, packet.byteLength]));
  switch (random.below(3)) {
    case 0: {
      const changed = packet.slice();
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        changed[random.below(random.pick([20, changed.byteLength]))]! ^= 1 << random.below(8);
      }
      return changed;
    }
    case 1:
      return Buffer.concat([packet.subarray(0, at), packet.subarray(at + 1 + random.below(8))]);
    default:
      return Buffer.concat([
        packet.subarray(0, at),
        random.bytes(1 + random.below(8)),
        packet.subarray(at),
      ]);
  }
}

/** The first bytes of clients of something else, and no sense at all. */
function strangeBytes(random: Random): Uint8Array {
  return random.pick<() => Uint8Array>([
    () => random.bytes(random.below(64)),
    () => random.bytes(random.below(5000)),
    () => new Uint8Array(random.below(2000)),
    () => encodeBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    () => encodeBytes("SSH-2.0-OpenSSH_9.2\r\n"),
    () => Uint8Array.of(0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3, ...random.bytes(random.below(300))),
    () => Uint8Array.of(0x80, 0x2e, 1, 3, 1, 0, 0x15, ...random.bytes(random.below(60))),
    () => Uint8Array.of(0, 2 + random.below(3), 0, 1, ...random.bytes(random.below(40))),
  ])();
}

/** Where the bytes are cut for sending: most often nowhere, sometimes at every byte. */
export function cutsOf(random: Random, length: number): readonly number[] {
  const cuts = new Set<number>();
  switch (random.below(6)) {
    case 0:
      for (let count = 1 + random.below(5); count > 0; count--) cuts.add(random.below(length + 1));
      break;
    case 1:
      for (const at of [1, 2, 4, 9, 10, 12, 15, 16, 17]) if (odd(random, 3)) cuts.add(at);
      break;
    case 2:
      if (odd(random, 6)) { for (let at = 1; at < Math.min(length, 64); at++) cuts.add(at); }
      break;
  }
  return [...cuts].filter((at) => at > 0 && at < length).sort((one, other) => one - other);
}

/** Spreads bytes over steps, and gives the client a last word, which may come too early. */
export function paced(random: Random, bytes: Uint8Array, cuts: readonly number[]): Plan {
  const steps: Step[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.byteLength]) {
    if (end > start) steps.push({ do: "send", bytes: bytes.slice(start, end) });
    if (odd(random, 4)) steps.push({ do: "wait" });
    start = end;
  }
  const lastWord = random.below(24);
  if (lastWord === 0 || lastWord === 1 || lastWord === 2) {
    const early = random.below(3) === 0 ? random.below(steps.length + 1) : steps.length;
    const word = (["close", "reset", "stall"] as const)[lastWord]!;
    return [...steps.slice(0, early), { do: word }];
  }
  // Of a query that is not whole, the end of the sending direction is what the agent can tell.
  return [...steps, { do: "end" }];
}

function odd(random: Random, one_in: number): boolean {
  return random.below(one_in) === 0;
}
