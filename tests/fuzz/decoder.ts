/** The decoder alone, in this process: all ways of splitting the same bytes have the same end. */
import { decodeQuery, decodeResponse, type Decoding } from "../../lib/protocol/decode.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import { layoutOf, longestText, MAX_BUFFER } from "../../lib/protocol/packet.ts";
import { encodeBytes } from "../../lib/bytes.ts";
import { bytesOf, cutsOf } from "./packets.ts";
import { makeTally, type Part } from "./part.ts";

/** Bytes of a client, and where they are split. */
interface Received {
  readonly bytes: Uint8Array;
  readonly cuts: readonly number[];
}

const LONGEST_PACKET = layoutOf(3, MAX_BUFFER).packetLength;

/** Hands bytes over as they arrive. */
function feed<Packet>(
  decode: (received: Uint8Array) => Decoding<Packet>,
  { bytes, cuts }: Received,
): Decoding<Packet> {
  let decoding = decode(bytes.subarray(0, 0));
  for (const end of [...cuts, bytes.byteLength]) {
    if (decoding.kind !== "needs more") break;
    decoding = decode(bytes.subarray(0, end));
  }
  return decoding;
}

/** What is wrong with what the decoder makes of some bytes. */
function wrongWith<Packet extends { readonly version: 2 | 3 | 4; readonly text: string }>(
  decode: (received: Uint8Array) => Decoding<Packet>,
  received: Received,
): string | undefined {
  const { bytes } = received;
  const before = Bun.hash.crc32(bytes);
  const whole = decode(bytes);
  if (Bun.hash.crc32(bytes) !== before) return "the decoder has changed the bytes";
  const fed = feed(decode, received);
  if (!Bun.deepEquals(whole, fed)) {
    return `${JSON.stringify(fed)} in pieces, and ${JSON.stringify(whole)} at once`;
  }
  if (whole.kind === "needs more") {
    const { length } = whole;
    return length <= bytes.byteLength || length > LONGEST_PACKET
      ? `${length} bytes are wanted of ${bytes.byteLength}`
      : undefined;
  }
  if (whole.kind === "refused") return undefined;
  const { packet: { version, text }, length } = whole;
  if (length > bytes.byteLength) return `a packet of ${length} bytes in ${bytes.byteLength}`;
  if (text.includes("\0")) return "the text holds a NUL";
  if (text.length > longestText(version)) return undefined;
  const again = decodeQuery(encodeQuery({ version, text }));
  return again.kind === "packet" && again.packet.text === text
    ? undefined
    : "the text is another one when it is encoded and decoded again";
}

export const decoder: Part<Received> = {
  about: "the decoder in this process, with bytes in pieces and at once",
  peers: [],
  batch: 10_000,
  start() {
    const tally = makeTally();
    return Promise.resolve({
      make(random) {
        const bytes = bytesOf(random);
        return { bytes, cuts: cutsOf(random, bytes.byteLength) };
      },
      run: (inputs) =>
        Promise.resolve(inputs.flatMap((input) => {
          const { kind } = decodeQuery(input.bytes);
          tally.add(kind);
          const what = wrongWith(decodeQuery, input) ?? wrongWith(decodeResponse, input);
          return what === undefined ? [] : [{ what, input }];
        })),
      counts: tally.counts,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
  write: ({ bytes, cuts }) => ({ bytes: Buffer.from(bytes).toString("latin1"), cuts }),
  read(written) {
    const { bytes, cuts } = written as { bytes: string; cuts: readonly number[] };
    return { bytes: encodeBytes(bytes), cuts };
  },
};
