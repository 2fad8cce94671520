import { describe, expect, test } from "bun:test";
import { createPrivateKey, sign } from "node:crypto";
import { type Crls, outdatedIn, readCrls, UnusableCrl } from "../../lib/tls/crl.ts";
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  TRUE,
  utf8String,
} from "../../lib/tls/der.ts";
import { type KeyAndCertificate, makeSelfSigned } from "../../lib/tls/self_signed.ts";

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.parse("2026-11-30T00:00:00Z");

const CA = makeSelfSigned("ca", new Date(NOW));
const OTHER = makeSelfSigned("other", new Date(NOW));
const IMPOSTOR = makeSelfSigned("ca", new Date(NOW));
const ECDSA_WITH_SHA256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));

/** What differs from a list of {@link CA} without entries, valid from now for a day. */
interface Parts {
  readonly name?: string;
  readonly signer?: KeyAndCertificate;
  readonly from?: number;
  /** undefined for a list that does not say it. */
  readonly until?: number | undefined;
  readonly extensions?: readonly Uint8Array[];
  readonly entries?: readonly Uint8Array[];
  readonly algorithm?: Uint8Array;
}

function crlOf(parts: Parts = {}): Uint8Array {
  const { name = "ca", signer = CA, from = NOW, extensions = [], entries = [] } = parts;
  const { algorithm = ECDSA_WITH_SHA256 } = parts;
  const until = "until" in parts ? parts.until : NOW + DAY;
  const signed = sequence(
    integer(Uint8Array.of(1)),
    algorithm,
    sequence(set(sequence(objectIdentifier("2.5.4.3"), utf8String(name)))),
    time(new Date(from)),
    ...until === undefined ? [] : [time(new Date(until))],
    ...entries.length === 0 ? [] : [sequence(...entries)],
    ...extensions.length === 0 ? [] : [element(0xa0, sequence(...extensions))],
  );
  const signature = sign("sha256", signed, createPrivateKey(signer.key));
  return sequence(signed, algorithm, bitString(signature));
}

const pem = (der: Uint8Array) =>
  `-----BEGIN X509 CRL-----\n${Buffer.from(der).toString("base64")}\n-----END X509 CRL-----\n`;

const read = (...ders: readonly Uint8Array[]): Crls =>
  readCrls(`text\n${ders.map(pem).join("")}`, CA.certificate + OTHER.certificate);

const entry = (serial: number, ...extensions: readonly Uint8Array[]) =>
  sequence(
    integer(Uint8Array.of(serial)),
    time(new Date(NOW)),
    ...extensions.length === 0 ? [] : [sequence(...extensions)],
  );

const extension = (identifier: string, critical: boolean) =>
  sequence(
    objectIdentifier(identifier),
    ...critical ? [TRUE] : [],
    octetString(integer(Uint8Array.of(1))),
  );

describe("readCrls()", () => {
  test("reads lists, their CAs and times", () => {
    const number = extension("2.5.29.20", false);
    const reason = extension("2.5.29.21", false);
    const crls = read(
      crlOf({ extensions: [number], entries: [entry(5), entry(6, reason)] }),
      crlOf({ from: NOW - 3 * DAY, until: NOW - DAY }),
      crlOf({ name: "stranger", until: NOW + DAY / 2 }),
    );
    expect(crls.lists.map(({ issuer, known }) => [issuer, known])).toEqual([
      ["CN=ca", true],
      ["CN=ca", true],
      ["CN=stranger", false],
    ]);
    expect(crls.lists[0]).toMatchObject({ thisUpdate: NOW, nextUpdate: NOW + DAY });
    expect(crls.without).toEqual(["CN=other"]);
    expect(crls.expiry).toBe((NOW + DAY / 2) / 1000);
    expect(crls.lists.map(({ pem }) => pem).join("\n")).toContain("BEGIN X509 CRL");
  });

  test.each<[what: string, der: () => Uint8Array, reason: string]>([
    [
      "is signed by another key",
      () => crlOf({ signer: IMPOSTOR }),
      "is not signed by that CA of ssl_cacert_file",
    ],
    [
      "has no end",
      () => crlOf({ until: undefined }),
      "does not say when the next one is due",
    ],
    ["is a delta", () => crlOf({ extensions: [extension("2.5.29.27", true)] }), "is a delta CRL"],
    [
      "is partitioned, which is not said to be critical",
      () => crlOf({ extensions: [extension("2.5.29.28", false)] }),
      "has an issuingDistributionPoint",
    ],
    [
      "has an unknown critical extension",
      () => crlOf({ extensions: [extension("1.2.3", true)] }),
      "has the critical extension 1.2.3",
    ],
    [
      "has an entry of another CA",
      () => crlOf({ entries: [entry(1), entry(2, extension("2.5.29.29", true))] }),
      "has an entry with a critical extension",
    ],
    [
      "has an extension twice",
      () => crlOf({ extensions: [extension("2.5.29.20", false), extension("2.5.29.20", false)] }),
      "is damaged",
    ],
  ])("refuses a list that %s", (_, der, reason) => {
    expect(() => read(der())).toThrow(UnusableCrl);
    expect(() => read(der())).toThrow(reason);
    expect(() => read(crlOf(), der())).toThrow("CRL 2 ");
  });

  test("leaves the signature to the TLS library where it does not know the algorithm", () => {
    const pss = sequence(objectIdentifier("1.2.840.113549.1.1.10"));
    expect(read(crlOf({ algorithm: pss })).lists).toHaveLength(1);
  });

  test("refuses every truncation, and every list with another byte", () => {
    const whole = crlOf({ entries: [entry(5)], extensions: [extension("2.5.29.20", false)] });
    expect(read(whole).lists).toHaveLength(1);
    for (let at = 0; at < whole.length; at++) {
      expect(() => read(whole.subarray(0, at))).toThrow(UnusableCrl);
      const damaged = Uint8Array.from(whole);
      damaged[at]! ^= 1;
      try {
        // A list of a CA that is not known is not refused.
        expect(read(damaged).lists[0]!.known).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(UnusableCrl);
      }
    }
  });

  test.each([
    ["", "no PEM block"],
    [CA.certificate, "no PEM block"],
    ["-----BEGIN X509 CRL-----\n", "a PEM block is damaged"],
    [`${pem(crlOf())}-----BEGIN X509 CRL-----\nAAAA`, "a PEM block is damaged"],
    ["-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n", "is damaged"],
  ])("refuses the text %#", (text, reason) => {
    expect(() => readCrls(text, CA.certificate)).toThrow(UnusableCrl);
    expect(() => readCrls(text, CA.certificate)).toThrow(reason);
  });
});

describe("outdatedIn()", () => {
  test.each([
    [[crlOf()], NOW, []],
    [[crlOf()], NOW + DAY - 1, []],
    [[crlOf()], NOW + DAY, ["CN=ca expired at 2026-12-01T00:00:00.000Z"]],
    [[crlOf()], NOW - 1, ["CN=ca is not valid before 2026-11-30T00:00:00.000Z"]],
    [[crlOf({ until: NOW - DAY, from: NOW - 2 * DAY }), crlOf()], NOW, []],
    [
      [crlOf(), crlOf({ name: "other", signer: OTHER, until: NOW - 1, from: NOW - DAY })],
      NOW,
      ["CN=other expired at 2026-11-29T23:59:59.000Z"],
    ],
  ])("says of lists %#", (lists, now, expected) => {
    expect(outdatedIn(read(...lists), now).map(({ issuer, why }) => `${issuer} ${why}`))
      .toEqual(expected);
  });
});
