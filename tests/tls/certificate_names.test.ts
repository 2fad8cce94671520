import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { certificateNames } from "../../lib/tls/certificate_names.ts";
import {
  element,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  TRUE,
} from "../../lib/tls/der.ts";
import {
  elementAt,
  elementsIn,
  identifierOf,
  Malformed,
  timeOf,
} from "../../lib/tls/der_reader.ts";
import { makeSelfSigned } from "../../lib/tls/self_signed.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const CN = objectIdentifier("2.5.4.3");
const attribute = (value: Uint8Array, type = CN) => sequence(type, value);

/** A certificate as far as its names go. */
function certificate(subject: Uint8Array, alternatives?: Uint8Array): Uint8Array {
  const now = new Date();
  const extensions = alternatives === undefined ? [] : [element(
    0xa3,
    sequence(sequence(objectIdentifier("2.5.29.17"), TRUE, octetString(alternatives))),
  )];
  const signed = sequence(
    element(0xa0, integer(Uint8Array.of(2))),
    integer(Uint8Array.of(1)),
    sequence(),
    sequence(),
    sequence(time(now), time(now)),
    subject,
    sequence(),
    ...extensions,
  );
  return sequence(signed, sequence(), element(0x03, Uint8Array.of(0)));
}

const cnOf = (tag: number, value: Uint8Array) =>
  certificateNames(certificate(sequence(set(attribute(element(tag, value))))));

describe("certificateNames()", () => {
  test.each<[what: string, tag: number, value: Uint8Array, expected: string | undefined]>([
    ["UTF-8", 0x0c, Buffer.from("mön", "utf8"), "m\xc3\xb6n"],
    ["UTF-8 that begins with a byte order mark", 0x0c, Buffer.from("\ufeffx"), "\xef\xbb\xbfx"],
    ["damaged UTF-8", 0x0c, Uint8Array.of(0x61, 0xff), undefined],
    ["a printable string", 0x13, bytes("monitor"), "monitor"],
    ["a printable string that is not ASCII", 0x13, bytes("m\xf6n"), undefined],
    ["a teletex string", 0x14, bytes("monitor"), "monitor"],
    ["a teletex string that is not ASCII", 0x14, bytes("m\xf6n"), undefined],
    ["UTF-16", 0x1e, Uint8Array.of(0, 0x6d, 0, 0xf6), "m\xc3\xb6"],
    ["half a character of UTF-16", 0x1e, Uint8Array.of(0, 0x6d, 0), undefined],
    ["a number", 0x02, Uint8Array.of(1), undefined],
    ["a NUL byte", 0x0c, bytes("monitor\0.evil.example"), "monitor\0.evil.example"],
    [
      "another attribute's name",
      0x0c,
      bytes("x/CN=monitor, CN=monitor"),
      "x/CN=monitor, CN=monitor",
    ],
  ])("reads %s", (_, tag, value, expected) => {
    expect(cnOf(tag, value)).toEqual([{ kind: "CN=", value: expected }]);
  });

  test("reads every attribute, also those of one relative name", () => {
    const text = (value: string) => element(0x0c, bytes(value));
    const other = attribute(text("org"), objectIdentifier("2.5.4.10"));
    const both = element(0x31, attribute(text("a")), attribute(text("b")));
    expect(certificateNames(certificate(sequence(set(other), both)))).toEqual([
      { kind: "O=", value: "org" },
      { kind: "CN=", value: "a" },
      { kind: "CN=", value: "b" },
    ]);
  });

  test("reads alternative names by their kinds", () => {
    const alternatives = sequence(
      element(0x82, bytes("a.example")),
      element(0x82, bytes("a\0.example")),
      element(0x82, bytes("\xe4.example")),
      element(0x81, bytes("a@b.example")),
      element(0x86, bytes("https://a/")),
      element(0x87, Uint8Array.of(192, 0, 2, 1)),
      element(0x87, new Uint8Array(16)),
      element(0x87, Uint8Array.of(192, 0, 2, 1, 255, 255, 255, 0)),
      element(0xa4, sequence()),
      element(0x88, Uint8Array.of(42)),
    );
    expect(certificateNames(certificate(sequence(), alternatives))).toEqual([
      { kind: "DNS:", value: "a.example" },
      { kind: "DNS:", value: "a\0.example" },
      { kind: "DNS:", value: undefined },
      { kind: "EMAIL:", value: "a@b.example" },
      { kind: "URI:", value: "https://a/" },
      { kind: "IP:", value: "192.0.2.1" },
      { kind: "IP:", value: "::" },
      { kind: "IP:", value: undefined },
    ]);
  });

  test("reads a real certificate, and throws nothing but Malformed for a damaged one", () => {
    const { raw } = new X509Certificate(makeSelfSigned("host.example", new Date()).certificate);
    expect(certificateNames(raw)).toEqual([
      { kind: "CN=", value: "host.example" },
      { kind: "DNS:", value: "host.example" },
    ]);
    for (let at = 0; at < raw.length; at++) {
      expect(() => certificateNames(raw.subarray(0, at))).toThrow(Malformed);
      for (const change of [1, 0x80, 0xff]) {
        const damaged = Uint8Array.from(raw);
        damaged[at]! ^= change;
        try {
          certificateNames(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }
    }
  });
});

describe("the reader of DER", () => {
  test.each([
    ["a long length that is short", [0x04, 0x81, 0x01, 0]],
    ["a long length with a zero before it", [0x04, 0x82, 0x00, 0x80, ...new Array(128).fill(0)]],
    ["an indefinite length", [0x30, 0x80, 0, 0]],
    ["a length of five bytes", [0x04, 0x85, 0, 0, 0, 0, 1, 0]],
    ["a tag of several bytes", [0x1f, 0x01, 0x00]],
    ["nothing", []],
    ["no length", [0x04]],
    ["too few bytes", [0x04, 2, 0]],
    ["too few bytes of length", [0x04, 0x82, 1]],
  ])("refuses %s", (_, given) => {
    expect(() => elementAt(Uint8Array.from(given), 0)).toThrow(Malformed);
  });

  test("reads what the writer writes", () => {
    const long = octetString(new Uint8Array(60_000));
    expect([...elementsIn(Buffer.concat([long, TRUE]))].map(({ content }) => content.length))
      .toEqual([60_000, 1]);
    for (const dotted of ["2.5.29.17", "1.2.840.113549.1.1.11", "1.3.101.112", "0.9"]) {
      expect(identifierOf(elementAt(objectIdentifier(dotted), 0))).toBe(dotted);
    }
    expect(identifierOf(elementAt(Uint8Array.of(6, 3, 0x88, 0x37, 1), 0))).toBe("2.999.1");
    for (const date of ["1950-01-01T00:00:00Z", "2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z"]) {
      expect(timeOf(elementAt(time(new Date(date)), 0))).toBe(Date.parse(date));
    }
  });
});
