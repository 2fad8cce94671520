import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { peersMissing } from "../support/peers.ts";
import { makePki, type Pair, type Pki } from "../support/pki.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { checkStoredPair } from "../../lib/tls/stored_pair.ts";
import { type KeyAndCertificate, makeSelfSigned } from "../../lib/tls/self_signed.ts";
import { tlsOptionsError } from "../../lib/system/stream.ts";

const NOW = new Date();
const LATER = new Date(NOW.getTime() + 20 * 365 * 24 * 60 * 60 * 1000);

const own = makeSelfSigned("agent.example", NOW);
const strange = generateKeyPairSync("ec", {
  namedCurve: "prime256v1",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
}).privateKey;
const kindOf = (text: string, now = NOW) => checkStoredPair(text, now).kind;

describe("checkStoredPair()", () => {
  test("takes what makeSelfSigned() makes", () => {
    expect(checkStoredPair(own.key + own.certificate, NOW)).toEqual({ kind: "pair", pair: own });
  });

  test.each([
    ["an expired one of the agent", own.key + own.certificate, LATER, "has expired"],
    ["one with another key", strange + own.certificate, NOW, "its key is not its certificate's"],
    ["one without a key", own.certificate, NOW, "it holds no private key"],
    ["one cut in its key", own.key.slice(0, 90) + own.certificate, NOW, "it holds no private key"],
    ["an empty file", "", NOW, "it holds no certificate"],
    ["zeros", "\0".repeat(500), NOW, "it holds no certificate"],
    [
      "blocks of nonsense",
      own.certificate.replace(/MI../, "AAAA").replaceAll(/[a-z]/g, "A"),
      NOW,
      "it holds no certificate",
    ],
  ])("lets %s be replaced", (_, text, now, why) => {
    const judged = checkStoredPair(text, now);
    expect(judged).toMatchObject({ kind: "worthless" });
    expect(judged).toHaveProperty("why", expect.stringContaining(why));
  });

  test("keeps a key alone, which may be worth something, also one that it cannot read", () => {
    expect(kindOf(own.key)).toBe("foreign");
    const encrypted = createPrivateKey(own.key).export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "secret",
    });
    expect(kindOf(`${encrypted}`)).toBe("foreign");
    const withHeaders = own.key.replace("\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: x-y\n\n");
    expect(kindOf(withHeaders)).toBe("foreign");
    expect(kindOf(own.key + own.certificate.slice(0, 100))).toBe("foreign");
  });
});

/** Another letter in place of one of the base64 text. */
function altered(pem: string, at: number): string {
  const letter = pem[at] === "A" ? "B" : "A";
  return pem.slice(0, at) + letter + pem.slice(at + 1);
}

describe("checkStoredPair() of a damaged pair", () => {
  const refusal = ({ key, certificate: cert }: KeyAndCertificate) =>
    tlsOptionsError({ cert, key })?.message;

  test("never throws, and takes none that the TLS library refuses, wherever the damage is", () => {
    const whole = own.key + own.certificate;
    const kinds = new Set<string>();
    for (let at = 0; at < whole.length; at += 3) {
      const judged = checkStoredPair(altered(whole, at), NOW, refusal);
      kinds.add(judged.kind);
      if (judged.kind === "pair") expect(refusal(judged.pair)).toBeUndefined();
    }
    expect(kinds).toContain("foreign");
    expect(kinds).toContain("worthless");
  });

  test("takes the sound pair of a file that goes on with a part of something", () => {
    const text = `${own.key}${own.certificate}-----BEGIN CERTIFICATE-----\nMIIB\n`;
    expect(checkStoredPair(text, NOW, refusal)).toEqual({ kind: "pair", pair: own });
  });
});

describe.skipIf(peersMissing("openssl"))("checkStoredPair() of openssl's files", () => {
  let room: Room;
  let pki: Pki;
  const read = ({ cert, key }: Pair, order: "key first" | "certificate first") => {
    const [first, second] = order === "key first" ? [key, cert] : [cert, key];
    return readFileSync(first, "latin1") + readFileSync(second, "latin1");
  };

  beforeAll(() => {
    room = makeRoom();
    pki = makePki(room);
  });

  afterAll(() => room?.[Symbol.dispose]());

  test.each(["key first", "certificate first"] as const)(
    "takes a pair with its chain, %s",
    (order) => {
      const judged = checkStoredPair(read(pki.server, order), NOW);
      expect(judged).toMatchObject({ kind: "pair" });
      const { pair } = judged as typeof judged & { kind: "pair" };
      expect(pair.certificate).toBe(readFileSync(pki.server.cert, "latin1"));
      expect(pair.key).toContain("PRIVATE KEY");
    },
  );

  test("leaves alone an expired or unfitting pair of another maker", () => {
    expect(kindOf(read(pki.expired, "key first"))).toBe("foreign");
    expect(kindOf(read(pki.ca, "key first"), LATER)).toBe("foreign");
    expect(kindOf(read({ cert: pki.good.cert, key: pki.ca.key }, "certificate first")))
      .toBe("foreign");
  });

  test("leaves alone an expired pair that only looks like the agent's", () => {
    const [cert, key] = [`${room.path}/alike.crt`, `${room.path}/alike.key`];
    const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    const made = Bun.spawnSync(
      [...["openssl", ...request, "-nodes", "-subj", "/CN=agent.example", "-days", "3650"], ...[
        "-out",
        cert,
        "-keyout",
        key,
      ]],
    );
    expect(made.exitCode).toBe(0);
    expect(kindOf(read({ cert, key }, "key first"))).toBe("pair");
    expect(kindOf(read({ cert, key }, "key first"), LATER)).toBe("foreign");
  });
});
