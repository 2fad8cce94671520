import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { makeSelfSigned } from "../../lib/tls/self_signed.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom } from "../support/room.ts";

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

  test.skipIf(peersMissing("openssl"))("makes a certificate that openssl verifies", () => {
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
