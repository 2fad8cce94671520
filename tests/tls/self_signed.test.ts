import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { integer, objectIdentifier, time } from "../../lib/tls/der.ts";
import { makeSelfSigned } from "../../lib/tls/self_signed.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom } from "../support/room.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("DER", () => {
  test.each([
    ["00", "020100"],
    ["7f", "02017f"],
    ["80", "02020080"],
    ["000080", "02020080"],
    ["0100", "02020100"],
  ])("integer(%s) is %s", (bytes, encoded) => {
    expect(hex(integer(Buffer.from(bytes, "hex")))).toBe(encoded);
  });

  test.each([
    ["2.5.4.3", "0603550403"],
    ["1.2.840.10045.4.3.2", "06082a8648ce3d040302"],
    ["1.3.6.1.5.5.7.3.1", "06082b06010505070301"],
  ])("objectIdentifier(%s) is %s", (dotted, encoded) => {
    expect(hex(objectIdentifier(dotted))).toBe(encoded);
  });

  test.each([
    ["2049-12-31T23:59:59Z", "170d3439313233313233353935395a"],
    ["2050-01-01T00:00:00Z", "180f32303530303130313030303030305a"],
  ])("time(%s) is %s", (date, encoded) => {
    expect(hex(time(new Date(date)))).toBe(encoded);
  });
});

describe("makeSelfSigned()", () => {
  const now = new Date("2045-06-01T00:00:00Z");

  test.each(["agent.example", "x", "a".repeat(200), "", "odd name*"])(
    "makes a certificate of %j that it signs itself",
    (host) => {
      const { key, certificate } = makeSelfSigned(host, now);
      const x509 = new X509Certificate(certificate);
      expect(x509.verify(x509.publicKey)).toBe(true);
      expect(x509.subject).toBe(x509.issuer);
      expect(x509.subject.length).toBeLessThanOrEqual("CN=".length + 64);
      expect(new Date(x509.validFrom) < now).toBe(true);
      expect(new Date(x509.validTo).getUTCFullYear()).toBe(2055);
      expect(key).toContain("PRIVATE KEY");
    },
  );

  test.skipIf(peersMissing("openssl"))("makes one that openssl verifies", () => {
    using room = makeRoom();
    const { key, certificate } = makeSelfSigned("agent.example", new Date());
    room.file("cert.pem", certificate);
    room.file("key.pem", key);
    const openssl = (...args: string[]) =>
      Bun.spawnSync(["openssl", ...args], { cwd: room.path }).stdout.toString();
    expect(openssl("verify", "-x509_strict", "-CAfile", "cert.pem", "cert.pem")).toContain("OK");
    const text = openssl("x509", "-in", "cert.pem", "-noout", "-text");
    expect(text).toContain("ASN1 OID: prime256v1");
    expect(text).toContain("DNS:agent.example");
    expect(openssl("x509", "-in", join(room.path, "cert.pem"), "-noout", "-pubkey"))
      .toBe(openssl("pkey", "-in", "key.pem", "-pubout"));
  });
});
