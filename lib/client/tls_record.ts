/** The record layer of TLS 1.2 with AES-GCM: RFC 5246, 6.2, and RFC 5288. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { ALERT_RECORD } from "../tls/alert.ts";
import type { Arrival, Channel } from "./channel.ts";

/** Content types. */
export const RecordType = {
  changeCipherSpec: 20,
  alert: ALERT_RECORD,
  handshake: 22,
  applicationData: 23,
} as const;

/** Why the records stop. */
export type TlsCause =
  | Exclude<Arrival, { readonly kind: "bytes" }>
  | { readonly kind: "alert"; readonly alert: number };

/** The end of the records. */
export class TlsFault extends Error {
  constructor(override readonly cause: TlsCause) {
    super(cause.kind);
  }
}

/** Key and salt of one direction. */
export interface Protection {
  readonly cipher: "aes-128-gcm" | "aes-256-gcm";
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

export interface TlsRecord {
  readonly type: number;
  readonly content: Uint8Array;
}

/** Records on a connection. */
export interface RecordLayer {
  /** Sends content, in as many records as it takes. */
  readonly send: (type: number, content: Uint8Array) => void;
  /** Sends ChangeCipherSpec; records are encrypted from then on. */
  readonly protectSending: (protection: Protection) => void;
  readonly protectReceiving: (protection: Protection) => void;
  /**
   * Waits for a record.
   * @param deadline In milliseconds of `now()`.
   * @throws {TlsFault} when an alert or the end of the connection comes instead.
   */
  readonly receive: (deadline: number) => Promise<TlsRecord>;
  readonly close: () => void;
}

const HEADER_LENGTH = 5;
const MOST_CONTENT = 16_384;
/** What encryption may add to a record's content. */
const MOST_EXPANSION = 2_048;
const NONCE_LENGTH = 8;
const TAG_LENGTH = 16;

/** Speaks in records on a channel. */
export function recordsOn(channel: Channel): RecordLayer {
  let kept: Uint8Array = new Uint8Array(0);
  let sending: { readonly protection: Protection; sequence: number } | undefined;
  let receiving: { readonly protection: Protection; sequence: number } | undefined;
  const read = async (wanted: number, deadline: number): Promise<Uint8Array> => {
    const chunks = [kept];
    for (let length = kept.byteLength; length < wanted;) {
      const arrival = await channel.receive(deadline);
      if (arrival.kind !== "bytes") throw new TlsFault(arrival);
      chunks.push(arrival.bytes);
      length += arrival.bytes.byteLength;
    }
    const all = Buffer.concat(chunks);
    kept = all.subarray(wanted);
    return all.subarray(0, wanted);
  };
  return {
    send(type, content) {
      for (let at = 0; at < content.byteLength; at += MOST_CONTENT) {
        const part = content.subarray(at, at + MOST_CONTENT);
        const sealed = sending === undefined
          ? part
          : seal(sending.protection, sending.sequence++, type, part);
        channel.send(Buffer.concat([headerOf(type, sealed.byteLength), sealed]));
      }
    },
    protectSending(protection) {
      channel.send(Buffer.concat([headerOf(RecordType.changeCipherSpec, 1), Uint8Array.of(1)]));
      sending = { protection, sequence: 0 };
    },
    protectReceiving: (protection) => void (receiving = { protection, sequence: 0 }),
    async receive(deadline) {
      const header = await read(HEADER_LENGTH, deadline);
      const type = header[0]!;
      const length = header[3]! << 8 | header[4]!;
      if (header[1] !== 3 || length > MOST_CONTENT + MOST_EXPANSION) {
        throw new TlsFault({ kind: "failed", code: "NO_TLS", reason: "this is not TLS" });
      }
      const body = await read(length, deadline);
      const content = receiving === undefined
        ? body
        : open(receiving.protection, receiving.sequence++, type, body);
      if (type === RecordType.alert) throw new TlsFault({ kind: "alert", alert: content[1] ?? 0 });
      return { type, content };
    },
    close: () => channel.close(),
  };
}

function headerOf(type: number, length: number): Uint8Array {
  return Uint8Array.of(type, 3, 3, length >> 8, length & 0xff);
}

/** The additional data of a record, RFC 5246, 6.2.3.3. No connection here has 2^32 records. */
function additionalData(sequence: number, type: number, length: number): Uint8Array {
  const data = Buffer.alloc(8 + HEADER_LENGTH);
  data.writeUInt32BE(sequence, 4);
  data.set(headerOf(type, length), 8);
  return data;
}

function seal(
  { cipher, key, salt }: Protection,
  sequence: number,
  type: number,
  content: Uint8Array,
): Uint8Array {
  const nonce = randomBytes(NONCE_LENGTH);
  nonce.writeUInt32BE(sequence, NONCE_LENGTH - 4);
  const sealing = createCipheriv(cipher, key, Buffer.concat([salt, nonce]));
  sealing.setAAD(additionalData(sequence, type, content.byteLength));
  return Buffer.concat([nonce, sealing.update(content), sealing.final(), sealing.getAuthTag()]);
}

function open(
  { cipher, key, salt }: Protection,
  sequence: number,
  type: number,
  body: Uint8Array,
): Uint8Array {
  const length = body.byteLength - NONCE_LENGTH - TAG_LENGTH;
  try {
    const nonce = body.subarray(0, NONCE_LENGTH);
    const opening = createDecipheriv(cipher, key, Buffer.concat([salt, nonce]), {
      authTagLength: TAG_LENGTH,
    });
    opening.setAAD(additionalData(sequence, type, length));
    opening.setAuthTag(body.subarray(NONCE_LENGTH + length));
    const sealed = body.subarray(NONCE_LENGTH, NONCE_LENGTH + length);
    return Buffer.concat([opening.update(sealed), opening.final()]);
  } catch {
    throw new TlsFault({ kind: "failed", code: "BAD_RECORD", reason: "a record was altered" });
  }
}
