import { describe, expect, test } from "bun:test";
import { alertIn, isAboutCertificate, nameOfAlert } from "../../lib/tls/alert.ts";
import { seededRandom } from "../support/random.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const SEED = 20261124;

describe("alertIn()", () => {
  test.each<[string, number | undefined, string]>([
    ["an alert", 48, "15 03 03 00 02 02 30"],
    ["an alert after a change of ciphers", 42, "14 03 03 00 01 01  15 03 03 00 02 02 2a"],
    ["two alerts", 0, "15 03 03 00 02 01 00  15 03 03 00 02 02 2a"],
    ["an encrypted alert", undefined, "15 03 03 00 1a 00 00 00 00 00 00 00 01"],
    ["half an alert", undefined, "15 03 03 00 02 02"],
    ["a record that says it is longer than it is", undefined, "16 03 03 40 00 01"],
    ["another record", undefined, "17 03 03 00 02 02 30"],
    ["an alert within another record", undefined, "17 03 03 00 07 15 03 03 00 02 02 30"],
    ["nothing", undefined, ""],
  ])("of %s is %p", (_, alert, hex) => {
    expect(alertIn(bytes(hex))).toBe(alert);
  });

  test(`finds an alert after any records, once it is whole (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 500; round++) {
      const description = random.below(256);
      const before = Array.from({ length: random.below(4) }, () => {
        const content = random.bytes(random.below(600));
        const type = random.pick([20, 22, 23]);
        return Buffer.concat([bytes(`${type.toString(16)} 03 03`), lengthOf(content), content]);
      });
      const records = Buffer.concat([...before, bytes("15 03 03 00 02 02"), [description]]
        .map((part) => Uint8Array.from(part)));
      expect(alertIn(records)).toBe(description);
      expect(alertIn(records.subarray(0, random.below(records.length)))).toBeUndefined();
    }
  });
});

function lengthOf(content: Uint8Array): Uint8Array {
  return Uint8Array.of(content.length >> 8, content.length & 0xff);
}

describe("isAboutCertificate()", () => {
  test("holds for the alerts of RFC 8446, 6.2, by which a client refuses the server's", () => {
    const names = Array.from({ length: 256 }, (_, number) => number)
      .filter(isAboutCertificate).map(nameOfAlert).sort();
    expect(names).toEqual([
      "bad_certificate",
      "bad_certificate_status_response",
      "certificate_expired",
      "certificate_revoked",
      "certificate_unknown",
      "unknown_ca",
      "unsupported_certificate",
    ]);
  });
});
