import { describe, expect, test } from "bun:test";
import { lintTables } from "../../lib/wrappers/lint/tables.ts";
import { problem } from "../../lib/wrappers/lint/finding.ts";
import type { FileRead } from "../../lib/wrappers/match_list.ts";
import { seededRandom } from "../support/random.ts";

const SERVICES = new Set(["nrpe", "sshd", "in.tftpd", "in.fingerd", "smtp", "in.ftpd"]);
const USERS = ["root", "nobody", "nagios", "kmem"];

interface Texts {
  readonly allow?: string;
  readonly deny?: string;
  /** Pattern files by path; null is one that cannot be opened. */
  readonly files?: Readonly<Record<string, string | null>>;
}

function lint({ allow, deny, files = {} }: Texts, checkName?: () => ReturnType<typeof problem>) {
  const read = (path: string): FileRead => {
    const text = path === "A" ? allow : path === "D" ? deny : files[path];
    if (text === null) return { kind: "unreadable", reason: "Permission denied" };
    return text === undefined ? { kind: "missing" } : { kind: "text", text };
  };
  return lintTables({ allow: "A", deny: "D", read }, {
    ask: ({ kind, ...question }) =>
      kind !== "netgroup" && USERS.includes(Object.values(question)[0]!),
    directoryExists: (path) => path === "/etc",
    agent: "nrpe",
    services: () => SERVICES,
    ...(checkName === undefined ? {} : { checkName }),
  });
}

/** Findings as `A:line:column severity code`, and what each says to do. */
function brief(texts: Texts): readonly (readonly [string, string?])[] {
  return lint(texts).findings.map(({ file, place, severity, code, suggestion }) => {
    const where = place === undefined ? file : `${file}:${place.line}:${place.column}`;
    const what = `${where} ${severity} ${code}`;
    return suggestion === undefined ? [what] : [what, suggestion];
  });
}

type Row = readonly [pattern: string, column: number, finding: string, suggestion?: string];

const DECIMAL = "write four decimal numbers from 0 to 255 with dots between";

const CLIENTS: readonly Row[] = [
  [
    "10.0.0.5/24",
    7,
    "error host-bits-set",
    "write 10.0.0.0/24 for the net, or 10.0.0.5 for the one host",
  ],
  [
    "10.0.0.1/255.255.255.0",
    7,
    "error host-bits-set",
    "write 10.0.0.0/255.255.255.0 for the net, or 10.0.0.1 for the one host",
  ],
  [
    "0.0.0.0/0",
    7,
    "error net-length-zero",
    "write ALL for every client, or 0.0.0.0/0.0.0.0 for every IPv4 address",
  ],
  ["10.0.0.1/255.255.255.255", 7, "error mask-all-ones", "write 10.0.0.1 for the one host"],
  ["10.0.0.1/32", 7, "hint single-host-net", "write 10.0.0.1"],
  ["10.0.0.0/33", 7, "error bad-net-length"],
  ["10.0.0.0/-8", 7, "error bad-net-length"],
  ["10.0.0.0/255.255.255", 7, "error bad-net-length"],
  ["10.0.0.0/8x", 7, "warning odd-net-length"],
  ["10.0.0.0/24.5", 7, "warning odd-net-length"],
  ["10.0.0.0/8/9", 7, "warning odd-net-length"],
  [
    "10.0.0.0/",
    7,
    "error empty-net-length",
    "write the length right after the slash, without a blank",
  ],
  ["10.0.0.0/0.0.0.255", 7, "error inverted-mask", "write 10.0.0.0/255.255.255.0"],
  ["10.0.0.0/255.0.255.0", 7, "warning odd-mask", "list the nets of the range that is meant"],
  ["1.224.0.0/255.210.0.0", 7, "error odd-mask", "list the nets of the range that is meant"],
  ["10/8", 7, "error short-net", "write 10.0.0.0/8"],
  ["10.0.0/24", 7, "error short-net", "write 10.0.0.0/24"],
  ["10.0.0.256/24", 7, "error bad-address"],
  ["255.255.255.255/32", 7, "error bad-address"],
  ["010.0.0.0/8", 7, "warning octal-number", "write 10.0.0.0/8"],
  [
    "10.0.0.*/24",
    7,
    "error wildcard-in-net",
    "write the net with a length, 10.0.0.0/24, or a prefix, 10.0.0.",
  ],
  ["alpha.example/24", 7, "error not-a-net", "write the net as n.n.n.n/length"],
  [
    "./mon.hosts",
    7,
    "error not-a-net",
    "name a pattern file by its full path, which begins with /",
  ],
  ["10.0.0.0 /24", 16, "error blank-in-net", "remove the blank before the slash"],
  ["10.0.0", 7, "error prefix-without-dot", "write 10.0.0."],
  ["10.0.0.2, 10", 17, "error prefix-without-dot", "write 10."],
  ["10.0.0.1.", 7, "error address-with-dot", "write 10.0.0.1"],
  ["010.0.0.1", 7, "error leading-zero", "write 10.0.0.1"],
  ["10.0.0.01", 7, "error leading-zero", "write 10.0.0.1"],
  ["10.0.0.256", 7, "error bad-address", DECIMAL],
  ["167772161", 7, "error bad-address", DECIMAL],
  ["0xa.0.0.1", 7, "error bad-address", DECIMAL],
  ["1.2.3.4.5", 7, "error bad-address", DECIMAL],
  [".0.0.1", 7, "warning numeric-suffix", "write a prefix, 10.0.0., or a net"],
  [
    "10.0.0.1-10.0.0.9",
    7,
    "error address-range",
    "write a net, 10.0.0.0/28, or each address",
  ],
  ["[10.0.0.1]", 7, "error ipv4-in-brackets", "write 10.0.0.1"],
  ["[10.0.0.0]/8", 7, "error ipv4-in-brackets", "write 10.0.0.0/8"],
  ["[2001:db8::/32]", 7, "error length-inside-brackets", "write [2001:db8::]/32"],
  [
    "[2001:db8::]/",
    7,
    "error empty-net-length",
    "write the length right after the slash, without a blank",
  ],
  ["[2001:db8::]/129", 7, "error bad-net-length"],
  ["[2001:db8::]/32x", 7, "warning odd-net-length"],
  ["[2001:db8:]", 7, "error bad-ipv6-address", "write a net with its length, [2001:db8::]/32"],
  ["[2001:*]", 7, "error bad-ipv6-address", "write a net with its length, [2001:db8::]/32"],
  ["[alpha.example]", 7, "error bad-ipv6-address"],
  ["[::1]x", 7, "error bad-brackets", "write [address]"],
  ["10.0.0.[0-9]", 7, "error bad-brackets", "there are no character classes: write a net"],
  ["[::ffff:10.0.0.1]", 7, "error mapped-address", "write 10.0.0.1"],
  ["[::ffff:10.0.0.0]/120", 7, "error mapped-address", "write 10.0.0.0/24"],
  ["[fe80::1%eth0]", 7, "warning zone-ignored"],
  ["2001:db8::1", 7, "error ipv6-without-brackets", "write [2001:db8::1]"],
  ["10.0.0.9, 2001:db8::/32", 17, "error ipv6-without-brackets", "write [2001:db8::]/32"],
  ["2001:db8::1:allow", 7, "error ipv6-without-brackets", "write [2001:db8::1]"],
  ["::1", 7, "error ipv6-without-brackets", "write [::1]"],
  ["::ffff:10.0.0.1", 7, "error ipv6-without-brackets", "write 10.0.0.1"],
  ["root@::1", 7, "error ipv6-without-brackets", "write root@[::1]"],
  ["10.0.0.1;10.0.0.2", 7, "error semicolon", "separate by commas or blanks"],
  ['"10.0.0.1"', 7, "error quotes", "leave the quotes out"],
  [
    "ALL EXCEPT (10.0.0.1)",
    18,
    "error parentheses",
    "leave them out; a EXCEPT b EXCEPT c means a EXCEPT (b EXCEPT c)",
  ],
  ["!10.0.0.1", 7, "error negation", "write EXCEPT before what is to be left out"],
  ["10.0.0.1\xa0", 7, "error not-a-blank", "write a plain blank instead"],
  ["\v10.0.0.1", 7, "error not-a-blank", "write a plain blank instead".replace("plain ", "")],
  ["m\xc3\xbcller.example", 7, "error odd-character", "write a name as in DNS (xn--...)"],
  [".*", 7, "error wildcard-with-dot", "write *, or the domain without * and ?"],
  [
    "10.*.",
    7,
    "error wildcard-with-dot",
    "write the prefix without * and ?, or leave the last dot out",
  ],
  ["EXCEPT 10.0.0.1", 7, "error except-at-start", "write ALL before it"],
  [
    "ALL EXCEPT",
    11,
    "error except-at-end",
    "name what is to be excepted, or remove EXCEPT",
  ],
  ["ALL EXCEPT EXCEPT 10.0.0.1", 18, "error except-twice", "remove one of them"],
  ["10.0.0.0/0377.0.0.0", 7, "warning octal-number", "write 10.0.0.0/255.0.0.0"],
  ["@ALL", 7, "warning wildcard-as-netgroup", "write ALL, or USER@ALL"],
  ["un*", 7, "warning wildcard-matches-nameless", "put a dot into the pattern, *.example"],
  [
    "10.0.*",
    7,
    "warning wildcard-matches-names",
    "write 10.0., which is compared with addresses only",
  ],
  ["foo.example.", 7, "warning name-prefix", "write foo.example for one host"],
  ["mon2", 7, "hint short-name", "write the full name; --lookup checks it"],
  ["ANY", 7, "error unknown-wildcard", "write ALL"],
  ["UNKOWN", 7, "error unknown-wildcard", "write UNKNOWN"],
  ["ALL EXECPT 10.0.0.1", 11, "error unknown-wildcard", "write EXCEPT"],
  ["@10.0.0.1", 7, "error address-as-netgroup", "write 10.0.0.1"],
  ["/nosuch", 7, "error missing-file"],
  ["/etc/hosts@mon", 7, "error at-in-path", "give the file a name without @"],
  ["", 5, "error empty-list", "write ALL or the clients that are meant"],
  [",", 5, "error empty-list", "write ALL or the clients that are meant"],
  ["10.0.0.1 [ : deny", 16, "error unbalanced-bracket", "close each [ by a ]"],
  [
    "10.0.0.1 # office",
    16,
    "warning comment-behind-rule",
    "put the comment on a line of its own, # first",
  ],
  [
    "10.0.0.2 # not 10.0.0.1",
    16,
    "error comment-behind-rule",
    "put the comment on a line of its own, # first",
  ],
  [
    "10.0.0.2 # see: wiki",
    16,
    "error comment-behind-rule",
    "put the comment on a line of its own, # first",
  ],
];

const OPTIONS: readonly Row[] = [
  ["alow", 17, "error unknown-option", "write allow"],
  ["permit", 17, "error unknown-option", "write allow"],
  ["REJECT", 17, "error unknown-option", "write deny"],
  ["allow,deny", 17, "error unknown-option", "separate options by colons"],
  ["spwan echo x", 17, "error unknown-option", "write spawn"],
  ["/bin/true", 17, "error shell-command", "write spawn /bin/true"],
  ["spawn date +%%H:%%M", 33, "error unescaped-colon", "write \\: for a colon in a value"],
  ["twist echo a: b", 17, "error unescaped-colon", "write \\: for a colon in a value"],
  ["twist echo a: allow", 17, "error option-not-last", "move twist to the end"],
  ["allow: nice 5", 17, "error option-not-last", "move allow to the end"],
  ["nice 5:", 23, "error empty-option", "remove the colon"],
  ["nice 5: :allow", 23, "error empty-option", "remove the colon"],
  ["allow yes", 17, "error option-takes-no-value", "write allow alone"],
  [
    "allow # yes",
    17,
    "error comment-behind-rule",
    "put the comment on a line of its own, # first",
  ],
  ["spawn", 17, "error option-needs-value"],
  ["nice 5x", 17, "error bad-option-value"],
  ["severity error", 17, "error bad-option-value"],
  ["user nosuch", 17, "error bad-option-value"],
  ["spawn echo %z", 17, "warning unknown-expansion", "write %% for a percent sign"],
  ["user nobody", 17, "hint user-option"],
  ["twist /bin/echo %a", 17, "hint twist-in-resident-daemon"],
  ["banners /etc", 17, "warning banner-breaks-nrpe", "leave nrpe out of the rule"],
  ["rfc931", 17, "hint user-lookup", "leave the user out"],
];

const DAEMONS: readonly Row[] = [
  ["/usr/sbin/nrpe", 1, "error path-as-daemon", "write nrpe"],
  ["@nrpe", 1, "error netgroup-as-daemon", "write netgroups after the first colon"],
  ["[nrpe]", 1, "error bad-brackets", "leave the brackets out"],
  ["sshd nrpe;", 6, "error semicolon", "separate by commas or blanks"],
  ["LOCAL", 1, "error wildcard-not-for-daemons"],
  ["ANY", 1, "error unknown-wildcard", "write ALL"],
  ["EXCEPT nrpe", 1, "error except-at-start", "write ALL before it"],
  ["nrpe@", 6, "error empty-host"],
  ["nrpe@10.0.0", 6, "error prefix-without-dot", "write 10.0.0."],
  ["70000", 1, "error bad-port"],
  ["nrep", 1, "hint unknown-daemon", "is nrpe meant?"],
  [
    "sshd zebra",
    6,
    "hint unknown-daemon",
    "this agent is nrpe, or what daemon_name says; others are known by argv[0] of their program",
  ],
  ["nrpe\\", 1, "error backslash-in-list", "leave the backslash out"],
  ["", 1, "error empty-list", "write ALL or the names of daemons"],
];

const PLAIN = [
  "nrpe: 10.0.0.1, 10.1., 192.168.0.0/16 172.16.0.0/255.240.0.0",
  "nrpe@10.9.0.1: [2001:db8::1] [2001:db8:1::]/48 [::1]",
  "NRPE sshd : 127.0.0.1",
  "5666: 198.51.100.7",
  "ALL EXCEPT sshd: 203.0.113. EXCEPT 203.0.113.9 \\",
  "  203.0.113.10",
  "nrpe: 198.51.100.0/25 : severity local0.info : spawn echo %a \\: %d : allow",
  "",
].join("\n");

describe("lintTables()", () => {
  const denied = "ALL: ALL\n";

  test.each([...CLIENTS])(
    "finds what is wrong with the client list %j",
    (list, column, ...found) => {
      const [what, suggestion] = found;
      const findings = brief({ allow: `nrpe: ${list}\n`, deny: denied });
      expect(findings.filter(([what]) => !/name-lookup|user-lookup/.test(what))).toEqual([
        suggestion === undefined
          ? [`A:1:${column} ${what}`]
          : [`A:1:${column} ${what}`, suggestion],
      ]);
    },
  );

  test.each([...OPTIONS])("finds what is wrong with the options %j", (list, column, ...found) => {
    const [what, suggestion] = found;
    expect(brief({ allow: `nrpe: 10.0.0.1: ${list}\n`, deny: denied })).toEqual([
      suggestion === undefined ? [`A:1:${column} ${what}`] : [`A:1:${column} ${what}`, suggestion],
    ]);
  });

  test.each([...DAEMONS])(
    "finds what is wrong with the daemon list %j",
    (list, column, ...found) => {
      const [what, suggestion] = found;
      expect(brief({ allow: `${list}: 10.0.0.1\n`, deny: denied })).toEqual([
        suggestion === undefined
          ? [`A:1:${column} ${what}`]
          : [`A:1:${column} ${what}`, suggestion],
      ]);
    },
  );

  test.each([
    ["a byte order mark", "\xef\xbb\xbfnrpe: 10.0.0.1\n", ["A:1:1 error byte-order-mark"]],
    ["UTF-16", "\xff\xfen\0r\0\n", ["A:1:1 error not-a-text-file", "A:1:4 error nul-byte"]],
    [
      "CR LF",
      "nrpe: 10.0.0.1\r\nnrpe: 10.0.0.2\r\n",
      ["A:1:15 warning carriage-return"],
    ],
    [
      "a backslash before CR LF",
      "sshd: 10.0.0.1 \\\r\nnrpe: 10.0.0.2\n",
      ["A:1:16 error backslash-before-blank", "A:1:17 warning carriage-return"],
    ],
    ["a backslash before a blank", "nrpe: 10.0.0.1 \\ \n", ["A:1:16 error backslash-before-blank"]],
    ["an indented comment", " # note\nnrpe: ALL\n", ["A:1:2 warning indented-comment"]],
    ["an indented rule behind #", "\t#nrpe: ALL\n", ["A:1:2 error indented-comment"]],
    ["a continued comment", "# x \\\nnrpe: ALL\n", ["A:1:1 error continued-comment"]],
    ["no colon", "nrpe 10.0.0.1\n", ["A:1:1 error missing-colon"]],
    ["a bracket before the colon", "nrpe [: ALL\n", ["A:1:1 error unbalanced-bracket"]],
    ["a NUL byte", "nrpe: ALL\0\n", ["A:1:10 error nul-byte"]],
    ["a line of 2048 bytes", `#\nnrpe:${"x".repeat(2042)}\n#\n`, ["A:2:1 error line-too-long"]],
    ["no newline at the end", "#\nnrpe: ALL", ["A:2:9 error no-newline-at-end"]],
    ["a comment without newline", "nrpe: ALL\n# x", ["A:2:3 hint no-newline-at-end"]],
    ["a last line that goes on", "nrpe: ALL \\\n", ["A:1:10 error no-newline-at-end"]],
  ])("finds %s", (_, allow, found) => {
    expect(brief({ allow, deny: denied }).map(([what]) => what)).toEqual(found);
  });

  test.each([
    ["no newline at the end", "ALL: ALL", "D:1:8 error no-newline-at-end"],
    ["a comment without newline", "ALL: ALL\n#", "D:2:1 error no-newline-at-end"],
    ["a line of 2048 bytes", `${"x".repeat(2047)}\n`, "D:1:1 error line-too-long"],
    ["a NUL byte", "\0\n", "D:1:1 error nul-byte"],
    ["aclexec, which grants", "ALL: ALL: aclexec /bin/true\n", "D:1:11 warning aclexec-grants"],
    ["a bare command", "ALL: ALL: (mail root) &\n", "D:1:11 warning shell-command"],
  ])("finds in hosts.deny %s", (_, deny, found) => {
    expect(brief({ deny }).map(([what]) => what)).toEqual([found]);
  });

  test("points into the physical line of a continued rule", () => {
    const allow = "nrpe: 10.0.0.1, \\\n  10.0.\\\n0.5/24, \\\n10.9\n";
    expect(brief({ allow, deny: denied }).map(([what]) => what)).toEqual([
      "A:2:3 error host-bits-set",
      "A:4:1 error prefix-without-dot",
    ]);
  });

  test.each([
    [
      "a rule behind a catch-all",
      "nrpe: ALL\nnrpe: 10.0.0.1\n",
      "A:2:1 warning unreachable-rule",
    ],
    ["a deny behind a catch-all", "ALL: ALL\nnrpe: .bad: deny\n", "A:2:1 error deny-never-reached"],
    ["an address in a net", "nrpe: 10.\nnrpe: 10.0.0.1: deny\n", "A:2:1 error deny-never-reached"],
    [
      "a net in a net",
      "nrpe: 10.0.0.0/8\nNRPE: 10.0.0.0/255.255.0.0\n",
      "A:2:1 warning unreachable-rule",
    ],
    [
      "an IPv6 net in a net",
      "nrpe: [2001:db8::]/32\nnrpe: [2001:db8:1::]/48\n",
      "A:2:1 warning unreachable-rule",
    ],
    ["a host in a domain", "nrpe: .a.b\nnrpe: x.A.b\n", "A:2:1 warning unreachable-rule"],
    [
      "a rule behind aclexec",
      "nrpe: ALL: aclexec x\nnrpe: 10.0.0.1\n",
      "A:2:1 warning unreachable-rule",
    ],
    [
      "two rules together",
      "nrpe: 10.0.0.1\nnrpe: 10.0.0.2\nnrpe: 10.0.0.2 10.0.0.1\n",
      "A:3:1 warning unreachable-rule",
    ],
  ])("finds %s that never decides", (_, allow, found) => {
    const findings = brief({ allow, deny: "sshd: ALL\nnrpe: .evil\n" }).map(([what]) => what);
    expect(findings.filter((what) => !/lookup|^D/.test(what))).toEqual([found]);
  });

  test("finds a denial in hosts.deny that hosts.allow comes before", () => {
    expect(brief({ allow: "nrpe: 10.0.0.0/8\n", deny: "nrpe: 10.6.6.6\nALL: ALL\n" })).toEqual([[
      "D:1:1 warning deny-never-reached",
      "deny it in A before line 1, with : deny",
    ]]);
  });

  test.each([
    "nrpe: 10.0.0.0/24\nnrpe: 10.0.0.0/8\n",
    "nrpe: ALL EXCEPT 10.0.0.1\nnrpe: 10.0.0.1\n",
    "nrpe: 10.0.0.1\nsshd: 10.0.0.1\n",
    "ALL EXCEPT nrpe: 10.\nnrpe: 10.0.0.1\n",
    "nrpe@10.0.0.2: ALL\nnrpe: ALL\n",
  ])("finds nothing in rules that can be reached: %j", (allow) => {
    expect(brief({ allow, deny: "sshd nrpe: ALL\n" }).map(([what]) => what)).toEqual([]);
  });

  test("finds a grant that changes nothing, since nothing denies", () => {
    expect(brief({ allow: "sshd: 10.0.0.1\nnrpe: 10.0.0.1\n", deny: "sshd: ALL\n" })).toEqual([[
      "A:2:1 warning nothing-denies",
      "write nrpe: ALL into hosts.deny",
    ]]);
  });

  test("looks into pattern files, each once", () => {
    const files = {
      "/f": "10.0.0.1\n# the 2nd\n10.0.0.2,10.0.0.3\n10. EXCEPT root@10.0.0.1\n/g /f\n",
      "/g": "2001:db8::/32 10.0.0.5/24 2001:db8::1\n/h",
      "/h": null,
    };
    const allow = "nrpe: /f\nsshd: 192.0.2.1 /f\n";
    expect(brief({ allow, deny: denied, files }).map(([what]) => what)).toEqual([
      "/f:2:1 warning comment-in-pattern-file",
      "/f:3:1 error comma-in-pattern-file",
      "/f:4:5 error except-in-pattern-file",
      "/f:4:12 error user-in-pattern-file",
      "/f:5:4 error file-names-itself",
      "/g:1:1 error ipv6-without-brackets",
      "/g:1:15 error host-bits-set",
      "/g:1:27 warning ipv6-without-brackets",
      "/g:2:1 error unreadable-file",
    ]);
  });

  test("says once a table that names have to be looked up, and looks up only when asked", () => {
    const texts = {
      allow: "nrpe: mon.example\nsshd: .example\n",
      deny: "ALL: PARANOID\n" + denied,
    };
    expect(brief(texts).map(([what]) => what)).toEqual([
      "A:1:7 hint name-lookup",
      "D:1:6 hint name-lookup",
    ]);
    const found = lint(texts, () => problem("unknown-host", { name: "" })).findings;
    expect(found.map(({ code, place }) => `${place?.line}:${place?.column} ${code}`)).toEqual([
      "1:7 name-lookup",
      "1:7 unknown-host",
      "1:6 name-lookup",
    ]);
  });

  test("says what a table that cannot be opened comes to", () => {
    const read = (path: string): FileRead =>
      path === "A" ? { kind: "directory" } : { kind: "unreadable", reason: "no" };
    const { findings } = lintTables({ allow: "A", deny: "D", read }, {
      ask: () => true,
      directoryExists: () => true,
      agent: "nrpe",
      services: () => SERVICES,
    });
    expect(findings.map(({ file, code, place }) => [file, code, place])).toEqual([
      ["A", "table-is-directory", undefined],
      ["D", "cannot-open", undefined],
    ]);
  });

  test.each([
    ["FAQ F0101's way", "nrpe: 10.0.0.1\n", "nrpe: ALL\n"],
    ["nothing but comments", "# /etc/hosts.allow\n#    ALL: LOCAL @x\n\n", "# ALL: PARANOID\n"],
    ["every plain form of address", PLAIN, "ALL: ALL\n"],
    ["one file with verdicts", "nrpe: 10.0.0.1: ALLOW\nALL: ALL: DENY\n", ""],
    ["a trouble maker", "ALL: 192.0.2.0/24: DENY\nALL: ALL: ALLOW\n", ""],
    ["a spawn behind two blanks", "", "nrpe : ALL : spawn (logger -p a.b %a \\: %d) &  : deny\n"],
    ["nothing", "", ""],
  ])("finds nothing in %s", (_, allow, deny) => {
    expect(brief({ allow, deny })).toEqual([]);
  });

  test.each([
    [
      "mostly closed",
      "ALL: LOCAL @some_netgroup\nALL: .foobar.edu EXCEPT t.foobar.edu\n",
      "ALL: ALL\n",
    ],
    ["mostly open", "", "ALL: some.host.name, .some.domain\nALL EXCEPT in.fingerd: o.h.n, .o.d\n"],
    ["friends only", "ALL: .friendly.domain: ALLOW\nALL: ALL: DENY\n", ""],
    ["trouble makers", "ALL: .bad.domain: DENY\nALL: ALL: ALLOW\n", ""],
    ["a user lookup", "nrpe: @pcnetgroup ALL@ALL\n", "ALL: ALL\n"],
    ["aclexec", "smtp : ALL : aclexec checkdnsbl %a\n", ""],
    ["twist", "in.ftpd : ALL : twist /bin/echo 421 Some bounce message\n", ""],
    ["spawn", "", "ALL: ALL: spawn (/usr/sbin/safe_finger -l @%h | /usr/bin/mail root) &\n"],
  ])("finds only hints in the manual's example of %s", (_, allow, deny) => {
    const severities = lint({ allow, deny }).findings.map(({ severity }) => severity);
    expect(severities.filter((severity) => severity !== "hint")).toEqual([]);
  });

  test("reports places inside the file for any bytes", () => {
    const SEED = 20261123;
    const random = seededRandom(SEED);
    const words = [
      "nrpe",
      ":",
      " ",
      "\n",
      "\\\n",
      "#",
      "[",
      "]",
      "::1",
      "/24",
      "10.0.0.1",
      "@",
      "\0",
    ];
    words.push(
      "EXCEPT",
      "ALL",
      "spawn x",
      "allow",
      ",",
      "\r",
      "\xef\xbb\xbf",
      ".",
      "*",
      "/f",
      "\xa0",
    );
    for (let round = 0; round < 3000; round++) {
      let allow = "";
      for (let count = random.below(30); count > 0; count--) allow += random.pick(words);
      const { findings } = lint({ allow, deny: allow, files: { "/f": allow } });
      const lines = allow.split("\n");
      for (const { place, code } of findings) {
        if (place === undefined) continue;
        const line = lines[place.line - 1];
        const fits = line !== undefined && place.column >= 1 && place.column <= line.length + 1;
        if (!fits) throw new Error(`seed ${SEED}: ${code} outside of ${JSON.stringify(allow)}`);
        expect(allow.slice(place.lineStart).startsWith(line)).toBe(true);
      }
    }
  });
});

test("lintTables() also finds what stands before a comment or a bare IPv6 address", () => {
  for (const end of ["# everyone", "2001:db8::1"]) {
    const codes = lint({ allow: `nrpe: 0.0.0.0/0 ${end}\n` }).findings.map(({ code }) => code);
    expect(codes).toContain("net-length-zero");
  }
});
