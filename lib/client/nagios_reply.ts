/**
 * A response as check_nrpe 4.1 reads it: what it prints, and whether it asks once more in version 2.
 * It differs from the codec in the order of its checks and in what it takes: states beyond 3, buffers
 * of another size than the protocol's in version 2.
 */
import { decodeBytes } from "../bytes.ts";
import {
  BUFFER_LENGTH_AT,
  CHECKSUM_AT,
  checksumOf,
  int16At,
  int32At,
  type Layout,
  layoutOf,
  longestText,
  MAX_BUFFER,
  PacketType,
  RESULT_CODE_AT,
} from "../protocol/packet.ts";
import type { Arrival, Channel } from "./channel.ts";
import { encodeFixedQuery } from "./fixed_payload.ts";
import { encodeQuery } from "../protocol/encode.ts";
import type { Check } from "./check_nrpe_cli.ts";

/** What came of a query. */
export interface NagiosReply {
  /** What to print; undefined where there is nothing to say yet. */
  readonly line: string | undefined;
  /** The exit status, 0 to 255. */
  readonly status: number;
  /** Whether an agent of an older version is to be asked in version 2. */
  readonly again: boolean;
}

const UNKNOWN = 3;
/** The bytes up to the result code, and up to the buffer in versions 3 and 4. */
const HEADER = 10;
const LONG_HEADER = 16;

/** Why the bytes stop. */
type Ending = Exclude<Arrival, { readonly kind: "bytes" }>;

/** What a read of so many bytes gives. */
interface Reader {
  (length: number): Promise<Uint8Array | Ending>;
}

/**
 * Asks in a version, and reads the response.
 * @param secure Whether the channel speaks TLS.
 * @param deadline In milliseconds of `now()`.
 * @returns undefined when time is up.
 */
export async function askAsNagios(
  channel: Channel,
  { query, payload }: Check,
  version: 2 | 3 | 4,
  secure: boolean,
  deadline: number,
): Promise<NagiosReply | undefined> {
  const text = query.slice(0, longestText(version));
  channel.send(
    payload === undefined ? encodeQuery({ version, text }) : encodeFixedQuery(query, payload),
  );
  const read = readerOf(channel, deadline);
  const header = await read(HEADER);
  if (!(header instanceof Uint8Array)) {
    if (header.kind === "timed out") return undefined;
    // An alert of TLS 1.3 about the client's certificate.
    if (secure && header.kind === "failed" && header.code !== "ECONNRESET") {
      return failed(version, "Error sending query to host.", false);
    }
    const count = header.kind === "failed" && !secure ? -1 : 0;
    const quiet = version === 4 || (version === 3 && secure);
    const line = `Receive header underflow - only ${count} bytes received (4 expected).`;
    return failed(version, quiet ? undefined : line);
  }
  if (int16At(header, 0) !== version) {
    return failed(version, "Invalid packet version received from server.");
  }
  if (int16At(header, 2) !== PacketType.response) {
    return failed(version, "Invalid packet type received from server.");
  }
  const layout = version === 2
    ? fixedLayout(payload)
    : announcedLayout(await read(LONG_HEADER - HEADER), version);
  if (layout === "timed out") return undefined;
  if (layout === undefined) return failed(version, undefined);
  const { buffer, bufferLength, packetLength, alignment } = layout;
  // The padding of version 3 need not come.
  const end = version === 2 ? packetLength : buffer + bufferLength;
  const body = await read(end - HEADER - alignment.byteLength);
  if (!(body instanceof Uint8Array)) {
    return body.kind === "timed out"
      ? undefined
      : failed(version, "Receive underflow - only 0 bytes received (4 expected).");
  }
  const packet = new Uint8Array(packetLength);
  packet.set(Buffer.concat([header, alignment, body]));
  const checksum = int32At(packet, CHECKSUM_AT);
  if (checksum !== checksumOf(packet, version)) {
    return failed(version, "Response packet had invalid CRC32.", false);
  }
  // In version 2 the buffer's last byte is never text.
  const longest = version === 2 ? bufferLength - 1 : bufferLength;
  const nul = packet.subarray(buffer, buffer + longest).indexOf(0);
  const shown = decodeBytes(packet, buffer, buffer + (nul < 0 ? longest : nul));
  const code = int16At(packet, RESULT_CODE_AT);
  return { line: shown, status: code & 0xff, again: version !== 2 && code < 0 };
}

/** A layout, and the bytes of it that have been read after the header. */
type KnownLayout = Layout & { readonly alignment: Uint8Array };

function fixedLayout(payload: number | undefined): KnownLayout {
  const usual = layoutOf(2, 0);
  const bufferLength = payload ?? usual.bufferLength;
  const packetLength = usual.packetLength - usual.bufferLength + bufferLength;
  return { ...usual, bufferLength, packetLength, alignment: new Uint8Array(0) };
}

/** The layout that the header's second part announces; undefined where it makes no sense. */
function announcedLayout(
  read: Uint8Array | Ending,
  version: 3 | 4,
): KnownLayout | "timed out" | undefined {
  if (!(read instanceof Uint8Array)) return read.kind === "timed out" ? "timed out" : undefined;
  const bufferLength = int32At(read, BUFFER_LENGTH_AT - HEADER);
  if (bufferLength < 1 || bufferLength > MAX_BUFFER) return undefined;
  return { ...layoutOf(version, bufferLength), alignment: read };
}

function failed(version: number, text: string | undefined, again = version !== 2): NagiosReply {
  const line = text === undefined ? undefined : `CHECK_NRPE: ${text}`;
  return { line, status: UNKNOWN, again };
}

/** Reads so many bytes at a time; what comes beyond them is kept for the next time. */
function readerOf(channel: Channel, deadline: number): Reader {
  let kept: Uint8Array = new Uint8Array(0);
  return async (wanted) => {
    const chunks = [kept];
    for (let length = kept.byteLength; length < wanted;) {
      const arrival = await channel.receive(deadline);
      if (arrival.kind !== "bytes") return arrival;
      chunks.push(arrival.bytes);
      length += arrival.bytes.byteLength;
    }
    const all = Buffer.concat(chunks);
    kept = all.subarray(wanted);
    return all.subarray(0, wanted);
  };
}
