/**
 * TLS 1.2 without certificates: anonymous Diffie-Hellman with AES-GCM (RFC 5246, RFC 5288). A C agent
 * that has no certificate, as in a fresh installation, speaks nothing else, and the TLS library inside
 * lacks it. It protects against eavesdroppers, and not against somebody who stands in between.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { now } from "../system/libc.ts";
import type { Arrival, Channel, PlainChannel } from "./channel.ts";
import type { Securing } from "./secure.ts";
import {
  type Protection,
  type RecordLayer,
  recordsOn,
  RecordType,
  TlsFault,
} from "./tls_record.ts";

/** A cipher suite of RFC 5288 with anonymous DH. */
interface Suite {
  readonly number: number;
  readonly name: string;
  readonly hash: "sha256" | "sha384";
  readonly cipher: Protection["cipher"];
  /** In bytes. */
  readonly keyLength: number;
}

const SUITES: readonly Suite[] = [
  {
    number: 0x00a7,
    name: "TLS_DH_anon_WITH_AES_256_GCM_SHA384",
    hash: "sha384",
    cipher: "aes-256-gcm",
    keyLength: 32,
  },
  {
    number: 0x00a6,
    name: "TLS_DH_anon_WITH_AES_128_GCM_SHA256",
    hash: "sha256",
    cipher: "aes-128-gcm",
    keyLength: 16,
  },
];

/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV, RFC 5746, 3.3. */
const NO_RENEGOTIATION = 0x00ff;
const TLS_1_2 = Uint8Array.of(3, 3);
const RANDOM_LENGTH = 32;

/** Handshake messages, RFC 5246, 7.4. */
const Message = {
  clientHello: 1,
  serverHello: 2,
  serverKeyExchange: 12,
  serverHelloDone: 14,
  clientKeyExchange: 16,
  finished: 20,
} as const;

/** Sizes of the agent's group, in bytes. Smaller ones are no protection, larger ones take seconds. */
const SMALLEST_GROUP = 128;
const LARGEST_GROUP = 1024;

/** The size of all handshake messages that an agent may send, in bytes. */
const LONGEST_HANDSHAKE = 16_384;

const MASTER_SECRET_LENGTH = 48;
const SALT_LENGTH = 4;
const VERIFY_LENGTH = 12;

/**
 * Starts TLS without certificates.
 * @param deadline In milliseconds of `now()`.
 */
export async function secureAnonymously(plain: PlainChannel, deadline: number): Promise<Securing> {
  const records = recordsOn(plain);
  try {
    const suite = await shakeHands(records, deadline);
    const channel = {
      ...channelOn(records),
      version: "TLSv1.2",
      cipher: suite.name,
      certificate: undefined,
      doubt: undefined,
    };
    return { kind: "secure", channel };
  } catch (error) {
    if (!(error instanceof TlsFault)) throw error;
    const { cause } = error;
    if (cause.kind === "timed out" || cause.kind === "alert") return cause;
    if (cause.kind === "failed" && cause.code !== "ECONNRESET") return cause;
    const reset = cause.kind === "failed";
    return { kind: "closed", reset, heard: plain.socket.bytesRead > 0 };
  }
}

async function shakeHands(records: RecordLayer, deadline: number): Promise<Suite> {
  const transcript: Uint8Array[] = [];
  const say = (type: number, body: Uint8Array) => {
    const message = Buffer.concat([Uint8Array.of(type, ...uint24(body.byteLength)), body]);
    transcript.push(message);
    records.send(RecordType.handshake, message);
  };
  const hear = messagesOf(records, transcript, deadline);

  const clientRandom = randomBytes(RANDOM_LENGTH);
  say(Message.clientHello, clientHello(clientRandom));
  const { suite, random: serverRandom } = readServerHello(await hear(Message.serverHello));
  const { prime, generator, key } = readKeyExchange(await hear(Message.serverKeyExchange));
  await hear(Message.serverHelloDone);

  const { secret, ownKey } = agree(prime, generator, key);
  say(Message.clientKeyExchange, withLength(ownKey));
  const seeds = { client: clientRandom, server: serverRandom };
  const master = expand(
    suite,
    secret,
    "master secret",
    [seeds.client, seeds.server],
    MASTER_SECRET_LENGTH,
  );
  const keys = expand(
    suite,
    master,
    "key expansion",
    [seeds.server, seeds.client],
    2 * (suite.keyLength + SALT_LENGTH),
  );
  const [own, theirs] = protectionsOf(suite, keys);
  const finished = (label: string) => {
    const hash = createHash(suite.hash).update(Buffer.concat(transcript)).digest();
    return expand(suite, master, label, [hash], VERIFY_LENGTH);
  };
  records.protectSending(own);
  say(Message.finished, finished("client finished"));

  const change = await records.receive(deadline);
  if (change.type !== RecordType.changeCipherSpec) throw unexpected("no ChangeCipherSpec");
  records.protectReceiving(theirs);
  const expected = finished("server finished");
  const verified = await hear(Message.finished);
  if (!expected.equals(verified)) throw unexpected("the agent's Finished is wrong");
  return suite;
}

function clientHello(random: Uint8Array): Uint8Array {
  const suites = [...SUITES.map(({ number }) => number), NO_RENEGOTIATION];
  return Buffer.concat([
    TLS_1_2,
    random,
    // No session.
    Uint8Array.of(0),
    withLength(Uint8Array.from(suites.flatMap((suite) => [suite >> 8, suite & 0xff]))),
    // No compression, and no extensions.
    Uint8Array.of(1, 0),
  ]);
}

function readServerHello(body: Uint8Array): { readonly suite: Suite; readonly random: Uint8Array } {
  const session = body[34] ?? 0;
  const number = (body[35 + session] ?? 0) << 8 | (body[36 + session] ?? 0);
  const suite = SUITES.find((one) => one.number === number);
  if (body[0] !== 3 || body[1] !== 3 || suite === undefined) {
    throw unexpected("the agent chose a version or a cipher that was not offered");
  }
  return { suite, random: body.subarray(2, 2 + RANDOM_LENGTH) };
}

/** Reads the parameters of the agent's group, RFC 5246, 7.4.3. */
function readKeyExchange(body: Uint8Array) {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (let part = 0; part < 3; part++) {
    const length = (body[at] ?? 0) << 8 | (body[at + 1] ?? 0);
    parts.push(body.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  const [prime, generator, key] = parts as [Uint8Array, Uint8Array, Uint8Array];
  if (at !== body.byteLength || generator.byteLength === 0 || key.byteLength === 0) {
    throw unexpected("the agent's key exchange is malformed");
  }
  if (prime.byteLength < SMALLEST_GROUP || prime.byteLength > LARGEST_GROUP) {
    throw unexpected(`the agent's group has ${prime.byteLength * 8} bits`);
  }
  return { prime, generator, key };
}

/**
 * Agrees on a secret, RFC 5246, 8.1.2. The runtime's own Diffie-Hellman tests the prime, which takes a
 * second and is of no use here: whoever chooses a bad group could as well stand in between.
 */
function agree(prime: Uint8Array, generator: Uint8Array, key: Uint8Array) {
  const [p, g, theirs] = [numberOf(prime), numberOf(generator), numberOf(key)];
  if ((p & 1n) === 0n || g < 2n || g > p - 2n || theirs < 2n || theirs > p - 2n) {
    throw unexpected("the agent's group is unusable");
  }
  const exponent = numberOf(randomBytes(EXPONENT_LENGTH));
  return { secret: bytesOf(power(theirs, exponent, p)), ownKey: bytesOf(power(g, exponent, p)) };
}

/** The length of the secret exponent, in bytes: enough for the largest group, RFC 7919, A. */
const EXPONENT_LENGTH = 64;

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = result * result % modulus;
    if (bit === "1") result = result * base % modulus;
  }
  return result;
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

/** The bytes of a number, without leading zeros. */
function bytesOf(number: bigint): Uint8Array {
  const digits = number.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
}

/** PRF of RFC 5246, 5. */
function expand(
  { hash }: Suite,
  secret: Uint8Array,
  label: string,
  seeds: readonly Uint8Array[],
  length: number,
): Buffer {
  const mac = (bytes: Uint8Array) => createHmac(hash, secret).update(bytes).digest();
  const seed = Buffer.concat([Buffer.from(label, "latin1"), ...seeds]);
  const blocks: Buffer[] = [];
  let chain = seed;
  for (let made = 0; made < length; made += blocks[0]!.byteLength) {
    chain = mac(chain);
    blocks.push(mac(Buffer.concat([chain, seed])));
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** The client's and the agent's keys and salts, RFC 5246, 6.3, and RFC 5288, 3. */
function protectionsOf(
  { cipher, keyLength }: Suite,
  keys: Uint8Array,
): readonly [Protection, Protection] {
  const salts = keys.subarray(2 * keyLength);
  return [
    { cipher, key: keys.subarray(0, keyLength), salt: salts.subarray(0, SALT_LENGTH) },
    { cipher, key: keys.subarray(keyLength, 2 * keyLength), salt: salts.subarray(SALT_LENGTH) },
  ];
}

/** Reads handshake messages one by one. One message may come in several records, or several in one. */
function messagesOf(records: RecordLayer, transcript: Uint8Array[], deadline: number) {
  let kept: Uint8Array = new Uint8Array(0);
  let total = 0;
  return async (type: number): Promise<Uint8Array> => {
    let length = 4;
    while (kept.byteLength < length) {
      const record = await records.receive(deadline);
      if (record.type !== RecordType.handshake) throw unexpected(`record of type ${record.type}`);
      total += record.content.byteLength;
      if (total > LONGEST_HANDSHAKE) throw unexpected("the agent's handshake is too long");
      kept = Buffer.concat([kept, record.content]);
      if (kept.byteLength >= 4) length = 4 + (kept[1]! << 16 | kept[2]! << 8 | kept[3]!);
    }
    const message = kept.subarray(0, length);
    kept = kept.subarray(length);
    if (message[0] !== type) throw unexpected(`message ${message[0]} where ${type} was expected`);
    transcript.push(message);
    return message.subarray(4);
  };
}

/** How many records without content an agent may send in a row. */
const EMPTY_RECORDS = 32;

/** The channel of application data. */
function channelOn(records: RecordLayer): Channel {
  return {
    async receive(deadline): Promise<Arrival> {
      try {
        for (let empty = 0; empty < EMPTY_RECORDS && now() < deadline; empty++) {
          const { type, content } = await records.receive(deadline);
          if (type !== RecordType.applicationData) throw unexpected(`record of type ${type}`);
          if (content.byteLength > 0) return { kind: "bytes", bytes: content };
        }
        return { kind: "timed out" };
      } catch (error) {
        if (!(error instanceof TlsFault)) throw error;
        const { cause } = error;
        if (cause.kind !== "alert") return cause;
        if (cause.alert === CLOSE_NOTIFY) return { kind: "closed" };
        return { kind: "failed", code: "ALERT", reason: `alert ${cause.alert}` };
      }
    },
    send: (bytes) => records.send(RecordType.applicationData, bytes),
    close() {
      records.send(RecordType.alert, Uint8Array.of(WARNING, CLOSE_NOTIFY));
      records.close();
    },
  };
}

const WARNING = 1;
const CLOSE_NOTIFY = 0;

function unexpected(reason: string): TlsFault {
  return new TlsFault({ kind: "failed", code: "UNEXPECTED", reason });
}

/** Bytes after their number in two bytes. */
function withLength(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(bytes.byteLength >> 8, bytes.byteLength & 0xff), bytes]);
}

function uint24(number: number): readonly number[] {
  return [number >> 16, number >> 8 & 0xff, number & 0xff];
}
