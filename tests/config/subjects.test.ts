import { describe, expect, test } from "bun:test";
import {
  matchesSubjects,
  namesText,
  readNames,
  subjectsText,
} from "../../lib/config/match_subjects.ts";
import {
  type CertificateName,
  readSubjects,
  type SubjectPattern,
} from "../../lib/config/subjects.ts";

function patterns(text: string): readonly SubjectPattern[] {
  const reading = readSubjects(text);
  if (reading.kind === "error") throw new Error(reading.reason);
  return reading.value;
}

describe("readSubjects()", () => {
  test.each([
    ["CN=monitor", "CN=monitor"],
    ["cn=monitor,dns:A.example", "CN=monitor, DNS:a.example"],
    [" CN = x", undefined],
    ["  CN=a b  ,\tO=Example  ", "CN=a b, O=Example"],
    ['"CN=Doe, John"', 'CN="Doe, John"'],
    ['CN="Doe, John",O=x', 'CN="Doe, John", O=x'],
    ['CN="a*b"', 'CN="a*b"'],
    ['CN="a*"*.x', 'CN="a*"*.x'],
    ['CN="say \\"x\\" \\\\"', 'CN="say \\"x\\" \\\\"'],
    ["2.5.4.3=x", "CN=x"],
    ["1.2.3.4=x", "1.2.3.4=x"],
    ["CN=a=b:c", "CN=a=b:c"],
    ["URI:https://a/b?c=d", "URI:https://a/b?c=d"],
    ["EMAIL:a@b.example,emailaddress=a@b", "EMAIL:a@b.example, emailAddress=a@b"],
    ["IP:192.0.2.1, IP:2001:DB8:0::1", "IP:192.0.2.1, IP:2001:db8::1"],
    ["DNS:*.example, CN=mon*.a.example", "DNS:*.example, CN=mon*.a.example"],
    ["CN=/CN=x", "CN=/CN=x"],
    ["", undefined],
    [",", undefined],
    ["CN=a,", undefined],
    [",CN=a", undefined],
    ["CN=a,,CN=b", undefined],
    ["CN=", undefined],
    ['CN=""', undefined],
    ["CN", undefined],
    ["monitor", undefined],
    ["=x", undefined],
    [":x", undefined],
    ["XN=x", undefined],
    ["__proto__=x", undefined],
    ["constructor=x", undefined],
    ["CN:x", undefined],
    ["DNS=x", undefined],
    ["IP:192.0.2", undefined],
    ["IP:192.0.2.0/24", undefined],
    ["IP:*", undefined],
    ["O=*", undefined],
    ["URI:*", undefined],
    ["CN=*a*.x", undefined],
    ["CN=*..x", undefined],
    ["DNS:*.x.", undefined],
    ['"CN=x', undefined],
    ['CN="x\\', undefined],
  ])("reads %j as %j", (text, expected) => {
    const reading = readSubjects(text);
    const given = reading.kind === "value" ? subjectsText(reading.value) : undefined;
    expect(given).toBe(expected as typeof given);
    if (given !== undefined) expect(subjectsText(patterns(given))).toBe(given);
  });
});

describe("matchesSubjects()", () => {
  const cases: readonly [list: string, certificate: string, matches: boolean][] = [
    ["CN=x", "CN=x", true],
    ["CN=x", "CN=X", false],
    ["CN=x", "O=x", false],
    ["CN=x", "CN=x, CN=y", false],
    ["CN=x, CN=y", "CN=x, CN=y", false],
    ["CN=x*", "CN=x1, CN=x2", true],
    ["OU=a", "OU=a, OU=b", false],
    ["CN=mon*.example", "CN=mon.example", true],
    ["CN=mon*.example", "CN=mon12.example", true],
    ["CN=mon*.example", "CN=mon.a.example", false],
    ["CN=mon*.example", "CN=mon/CN=x.example", false],
    ["CN=mon*.example", "CN=mon x.example", false],
    ["CN=*.example", "CN=.example", false],
    ["CN=*", "CN=a", true],
    ["CN=*", "CN=a.b", false],
    ['CN="*"', "CN=a", false],
    ['CN="*"', 'CN="*"', true],
    ["DNS:*.example", "DNS:A.EXAMPLE", true],
    ["DNS:*.example", 'DNS:"*.example"', false],
    ["DNS:*.example", "CN=a.example", false],
    ["DNS:*.example", "DNS:example, DNS:b.example", true],
    ["DNS:a.example", "DNS:a.example.", false],
    ["IP:::ffff:192.0.2.1", "IP:192.0.2.1", false],
    ["IP:2001:db8::1", "IP:2001:DB8:0:0::1", true],
    ["URI:https://a/", "URI:https://A/", false],
    ["EMAIL:a@b", "emailAddress=a@b", false],
  ];

  test.each(cases)("of %j and %j is %p", (list, certificate, expected) => {
    const names = readNames(certificate);
    if (names.kind === "error") throw new Error(names.reason);
    expect(matchesSubjects(names.value, patterns(list))).toBe(expected);
  });

  test("is false for a value that is none, and where another one of its kind is", () => {
    const none: CertificateName = { kind: "CN=", value: undefined };
    expect(matchesSubjects([none], patterns("CN=*"))).toBe(false);
    expect(matchesSubjects([none, { kind: "CN=", value: "x" }], patterns("CN=x"))).toBe(false);
    expect(namesText([none])).toBe("CN=?");
  });

  test.each(["x\0", "x\0.example", "\0", "x\0y"])("is false for the value %j", (value) => {
    for (const list of ["CN=x", "CN=*", "CN=x*", "CN=*.example", "CN=x*.example"]) {
      expect(matchesSubjects([{ kind: "CN=", value }], patterns(list))).toBe(false);
    }
  });
});

test("readNames() takes no wildcard", () => {
  expect(readNames("CN=*").kind).toBe("error");
  expect(readNames('CN="*"').kind).toBe("value");
});
