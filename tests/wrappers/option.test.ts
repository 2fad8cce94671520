import { describe, expect, test } from "bun:test";
import { expand, LONGEST_EXPANSION } from "../../lib/wrappers/expand.ts";
import { readOption } from "../../lib/wrappers/option.ts";
import { answerKey, type Request } from "../../lib/wrappers/request.ts";

const REQUEST: Request = {
  daemon: "nrpe",
  client: { address: "10.0.0.1", name: "a;b.example", port: 1024 },
  server: { address: "10.0.0.2", name: undefined, port: 5666 },
  user: "eve",
  answers: new Map([
    [answerKey({ kind: "user account", name: "nagios" }), true],
    [answerKey({ kind: "group account", name: "nagios" }), true],
    [answerKey({ kind: "user account", name: "nobody1" }), false],
  ]),
  pid: 42,
  resident: false,
};

describe("expand()", () => {
  test.each([
    ["%a %A %d %p %r %R", "10.0.0.1 10.0.0.2 nrpe 42 1024 5666"],
    ["%n %h %c %u", "a_b.example a_b.example eve@a_b.example eve"],
    ["%H %s", "10.0.0.2 nrpe@10.0.0.2"],
    ["100%% %", "100% %"],
  ])("of %j is %j", (template, text) => {
    expect(expand(template, REQUEST)).toEqual({ kind: "text", text, unknownLetters: "" });
  });

  test("reports unknown letters and leaves them out", () => {
    expect(expand("a%zb%&", REQUEST)).toEqual({ kind: "text", text: "ab", unknownLetters: "z&" });
  });

  test("asks for a name that %N needs", () => {
    expect(expand("%N", REQUEST)).toEqual({ kind: "needs", fact: { kind: "server name" } });
  });

  test("refuses a text that becomes too long", () => {
    const template = "x".repeat(LONGEST_EXPANSION);
    expect(expand(template, REQUEST).kind).toBe("text");
    expect(expand(`${template}x`, REQUEST).kind).toBe("too long");
  });
});

describe("readOption()", () => {
  test.each([
    ["spawn=echo a\\: b", { option: "spawn", command: "echo a: b" }],
    ["NICE", { option: "nice", increment: 10 }],
    [" nice \v-5\f", { option: "nice", increment: -5 }],
    ["umask 022", { option: "umask", mask: 0o22 }],
    ["linger=+5", { option: "linger", seconds: 5 }],
    ["rfc931", { option: "rfc931", seconds: undefined }],
    ["rfc931 5", { option: "rfc931", seconds: 5 }],
    ["setenv A b c", { option: "setenv", name: "A", value: "b c" }],
    ["setenv = A", { option: "setenv", name: "A", value: "" }],
    ["severity MAIL.Info", { option: "severity", facility: "mail", level: "info" }],
    ["severity err", { option: "severity", facility: undefined, level: "err" }],
    ["banners /x %a", { option: "banners", directory: "/x %a" }],
    ["user nagios.nagios", { option: "user", user: "nagios", group: "nagios" }],
    ["group nagios", { option: "group", group: "nagios" }],
    ["twist x", { option: "twist", command: "x" }],
    ["allow=", { option: "allow" }],
  ])("reads %j", (text, effect) => {
    const step = readOption(text, 0, REQUEST);
    expect(step).toMatchObject({ kind: "effect" });
    expect(step.kind === "effect" && step.effect).toEqual(effect as never);
  });

  test.each([
    ["", "missing option name"],
    [": allow", "missing option name"],
    ["= nice", "missing option name"],
    ["permit", 'bad option name: "permit"'],
    ["toString", 'bad option name: "toString"'],
    ["__proto__ x", 'bad option name: "__proto__"'],
    ["twist", 'option "twist" requires a value'],
    ["allow yes", 'option "allow" takes no value'],
    ["allow:", 'option "allow" must be the last one'],
    ["twist a: b", 'option "twist" must be the last one'],
    ["nice 5x", 'bad nice value: "5x"'],
    ["umask 1000", 'bad umask value: "1000"'],
    ["umask -1", 'bad umask value: "-1"'],
    ["linger -1", 'bad linger value: "-1"'],
    ["rfc931 0", 'bad rfc931 timeout: "0"'],
    ["setenv A=b", 'bad setenv name: "A=b"'],
    ["severity mail", 'bad syslog level: "mail"'],
    ["severity ftp.info", 'bad syslog facility: "ftp"'],
    ["user nobody1", 'unknown user: "nobody1"'],
    ["user nagios.", 'unknown group: ""'],
  ])("refuses %j", (text, message) => {
    expect(readOption(text, 0, REQUEST)).toMatchObject({ kind: "error", message });
  });

  test("goes from option to option", () => {
    const options = " nice: keepalive ";
    const first = readOption(options, 0, REQUEST);
    const second = readOption(options, first.kind === "effect" ? first.next : NaN, REQUEST);
    expect(second).toMatchObject({ effect: { option: "keepalive" } });
    expect(readOption(options, second.kind === "effect" ? second.next : NaN, REQUEST)).toEqual({
      kind: "end",
    });
  });

  test("asks whether an account exists", () => {
    expect(readOption("user www", 0, REQUEST)).toEqual({
      kind: "needs",
      fact: { kind: "user account", name: "www" },
    });
  });
});
