/** The alert of TLS 1.3 that the agent seals itself, opened by the text of RFC 8446. */
import { describe, expect, test } from "bun:test";
import { createDecipheriv, createHmac } from "node:crypto";
import { refusalOf } from "../../lib/tls/refusal.ts";

type Refused = Parameters<typeof refusalOf>[0];

/** A secret of the server, and what is derived from it. */
interface Keys {
  readonly secret: Uint8Array;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** The server's application keys in the trace of RFC 8448, 3. */
const RECORDED: Keys = {
  secret: bytes("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"),
  key: bytes("9f02283b6c9c07efc26bb9f2ac92e356"),
  iv: bytes("cf782b88dd83549aadf1e984"),
};

/** HKDF-Expand-Label of RFC 8446, 7.1, with HKDF-Expand of RFC 5869, 2.3. */
function expandLabel(
  hash: "sha256" | "sha384",
  secret: Uint8Array,
  label: string,
  length: number,
): Uint8Array {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.from([length >> 8, length & 255, name.length, ...name, 0]);
  let block = Buffer.alloc(0);
  let output = Buffer.alloc(0);
  for (let number = 1; output.length < length; number++) {
    block = createHmac(hash, secret).update(block).update(info).update(Uint8Array.of(number))
      .digest();
    output = Buffer.concat([output, block]);
  }
  return output.subarray(0, length);
}

/** What the first record under some keys holds, RFC 8446, 5.2: content, type and padding. */
function open(record: Uint8Array, cipher: "aes-128-gcm" | "aes-256-gcm", keys: Keys): Uint8Array {
  expect([...record.subarray(0, 3)]).toEqual([23, 3, 3]);
  expect(record[3]! << 8 | record[4]!).toBe(record.length - 5);
  const opening = createDecipheriv(cipher, keys.key, keys.iv, { authTagLength: 16 });
  opening.setAAD(record.subarray(0, 5)).setAuthTag(record.subarray(-16));
  return Buffer.concat([opening.update(record.subarray(5, -16)), opening.final()]);
}

function client(members: Partial<Refused>): Refused {
  return {
    version: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    doubt: "CERT_HAS_EXPIRED",
    secrets: keyLog(RECORDED.secret),
    ...members,
  } as Refused;
}

/** Lines of a key log as the library writes them, RFC 9850. */
function keyLog(secret: Uint8Array): string[] {
  const random = "5a".repeat(32);
  return ["CLIENT_TRAFFIC_SECRET_0", "SERVER_HANDSHAKE_TRAFFIC_SECRET"]
    .map((label) => `${label} ${random} ${"11".repeat(secret.length)}\n`)
    .concat(`SERVER_TRAFFIC_SECRET_0 ${random} ${Buffer.from(secret).toString("hex")}\n`);
}

describe("refusalOf()", () => {
  test.each([
    ["CERT_HAS_EXPIRED", 45],
    ["CERT_REVOKED", 44],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", 48],
    ["SOMETHING_NEW", 42],
  ])("seals the alert for %s, %d, with the keys of RFC 8448", (doubt, alert) => {
    const record = refusalOf(client({ doubt }))!;
    // Fatal, the alert's number, and the type of an alert's record.
    expect([...open(record, "aes-128-gcm", RECORDED)]).toEqual([2, alert, 21]);
  });

  test("derives keys for SHA-384 by the key schedule of RFC 8446, 7.3", () => {
    const secret = Uint8Array.from({ length: 48 }, (_, at) => 7 * at);
    const keys = {
      secret,
      key: expandLabel("sha384", secret, "key", 32),
      iv: expandLabel("sha384", secret, "iv", 12),
    };
    const cipher = "TLS_AES_256_GCM_SHA384";
    const record = refusalOf(client({ cipher, secrets: keyLog(secret) }))!;
    expect([...open(record, "aes-256-gcm", keys)]).toEqual([2, 45, 21]);
    // The reference itself, by the vectors.
    expect(expandLabel("sha256", RECORDED.secret, "key", 16)).toEqual(Buffer.from(RECORDED.key));
    expect(expandLabel("sha256", RECORDED.secret, "iv", 12)).toEqual(Buffer.from(RECORDED.iv));
  });

  test("protects every byte of the record", () => {
    const record = refusalOf(client({}))!;
    for (let at = 5; at < record.length; at++) {
      const changed = Uint8Array.from(record);
      changed[at]! ^= 1;
      expect(() => open(changed, "aes-128-gcm", RECORDED)).toThrow();
    }
  });

  test.each<[string, Partial<Refused>]>([
    ["TLS 1.2", { version: "TLSv1.2" }],
    ["ChaCha20-Poly1305", { cipher: "TLS_CHACHA20_POLY1305_SHA256" }],
    ["a key log without the server's secret", { secrets: keyLog(RECORDED.secret).slice(0, 2) }],
    ["no key log", { secrets: [] }],
  ])("makes no record with %s", (_, members) => {
    expect(refusalOf(client(members))).toBeUndefined();
  });
});
