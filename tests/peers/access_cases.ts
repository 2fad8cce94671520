/**
 * A generator over the whole grammar of the access language, with its traps.
 *
 * It keeps away from what access.md lists as deliberate differences: circular pattern files, NUL
 * bytes, numbers beyond an int, `user NAME` without the right group, and port 0 as a daemon.
 */

import type { Random } from "../support/random.ts";

/** One question and the files that it is about. */
export interface AccessCase {
  readonly daemon: string;
  readonly client: string;
  /** null is a file that does not exist. `@DIR@` stands for the directory of all files. */
  readonly allow: string | null;
  readonly deny: string | null;
  readonly files: Readonly<Record<string, string>>;
}

/** The /etc/hosts that the cases assume, beside the one of access-cases.jsonl. */
export const ACCESS_HOSTS_EXTRA = "127.0.0.1 localhost\n::1 ip6-localhost\n";

/** The choices that the grammar needs. */
interface Choices extends Pick<Random, "below" | "pick"> {
  chance(probability: number): boolean;
  /** An address and a name that the patterns of a case prefer: most likely the client's. */
  readonly address: string;
  readonly name: string;
}

function choicesOf({ below, pick }: Random): Choices {
  return {
    below,
    pick,
    chance: (probability) => below(1_000_000) < probability * 1_000_000,
    address: pick(ADDRESSES),
    name: pick(NAMES),
  };
}

const ADDRESSES = [
  ..."10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.8 10.0.0.9 10.0.1.1 10.0.3.1 10.1.0.1 10.0.7.2".split(" "),
  ..."192.0.2.1 192.0.2.129 192.0.2.66 127.0.0.1 127.0.0.2 110.0.0.1 203.0.113.9".split(" "),
];
const ADDRESSES6 =
  "2001:db8::1 2001:db8::5 2001:db8::7 2001:db8:1::1 2001:db8::66 ::1 2001:db9::1 fe80::1".split(
    " ",
  );
const NAMES = [
  ..."alpha.example beta.example beta gamma.sub.example multi.example dual.example".split(" "),
  ..."shortname longer.example tiny tiny3 longer3.example MixedCase.Example first.example".split(
    " ",
  ),
  ..."second.example 1234.example 172.16.example 8.lab.example host1.corp.example".split(" "),
  ..."host7.lab.corp.example real.example odd.example web1.test.example fake.example".split(" "),
  ..."two.example three alpha6.example v6short site1.example fake6.example".split(" "),
  ..."numname.example localhost".split(" "),
];
function anAddress(random: Choices): string {
  return random.chance(0.5) ? random.address : random.pick(ADDRESSES);
}

function aName(random: Choices): string {
  return random.chance(0.5) ? random.name : random.pick(NAMES);
}

const DAEMONS = ["nrpe", "in.nrpe", "NRPE", "nrpe2", "sshd", "in.ftpd", "5666", "a_b-c"];
const USERS = ["root", "bob", "ALL", "unknown", "Known", "r~t", "::ffff:10.0.0.1", "x"];

/** Makes a case. */
export function accessCase(source: Random): AccessCase {
  const random = choicesOf(source);
  const files: Record<string, string> = {};
  return {
    daemon: daemonArgument(random),
    client: clientArgument(random),
    allow: table(random, files, 0.06),
    deny: random.chance(0.45) ? "ALL: ALL\n" : table(random, files, 0.1),
    files,
  };
}

function daemonArgument(random: Choices): string {
  const daemon = random.chance(0.85) ? "nrpe" : random.pick([
    ...DAEMONS,
    ...["unknown", "/usr/sbin/nrpe", "/usr/sbin/", "", "[nrpe]", "::1", "nr~pe", "nrpe.", ".nrpe"],
    ...["n".repeat(127), "n".repeat(128), "n".repeat(140), "KNOWN", "a b"],
  ]);
  if (random.chance(0.8)) return daemon;
  const server = random.pick([
    ...ADDRESSES,
    ...ADDRESSES6,
    ...["unknown", "paranoid", "PARANOID", "alpha.example", "nosuch.example", "multi.example"],
    ...["real.example", "10.99.0.1", "numname.example", "[::1]", "", "10.1", "nrpe@10.0.0.1"],
    ...["::ffff:10.0.0.1", "::ffff:a00:1", "fe80::1%lo", "10.0.0.1 ", "%"],
  ]);
  return `${daemon}@${server}`;
}

function clientArgument(random: Choices): string {
  const client = random.pick<() => string>([
    () => random.address,
    () => random.address,
    () => random.address,
    () => random.pick(ADDRESSES6),
    () => random.name,
    () => random.name,
    () => (random.chance(0.5) ? random.name.toUpperCase() : aName(random)),
    () =>
      random.pick([
        ...["unknown", "paranoid", "Unknown", "PARANOID", "::ffff:10.0.0.1", "::FFFF:192.0.2.1"],
        ...["::ffff:a00:1", "0:0:0:0:0:ffff:10.0.0.1", "2001:DB8:0:0::1", "2001:0db8::0001"],
        ...["10.1", "0x0a000001", "010.0.0.1", "10.0.0.01", "10.0.0.256", "nosuch.example", ""],
        ...[
          "255.255.255.255",
          "0.0.0.0",
          "::",
          "[::1]",
          "10.0.0.1.",
          "10.0.0.1 ",
          "KNOWN",
          "10.0.0",
        ],
        ...["::ffff:255.255.255.255", "fe80::1%lo", "167772161", "a@10.0.0.1", "1:2:3:4:5:6:7::"],
        ...["::1.2.3.4", "0xa.0x0.0.1", "0Xa.0.0.1", "08.0.0.1", "1.2.3.4.5", "10..0.1"],
      ]),
  ])();
  return random.chance(0.2) ? `${random.pick(["", ...USERS, "u".repeat(130)])}@${client}` : client;
}

function table(random: Choices, files: Record<string, string>, missing: number): string | null {
  if (random.chance(missing)) return null;
  let text = "";
  for (let rules = random.below(6); rules > 0; rules--) text += line(random, files);
  if (text.length > 0 && random.chance(0.05)) text = text.slice(0, -1);
  if (random.chance(0.02)) text += random.pick(["\\\n", "\\", " ", "#", "# x\\\n", "\n\\\n", "\r"]);
  return text;
}

function line(random: Choices, files: Record<string, string>): string {
  if (random.chance(0.06)) {
    return random.pick([
      ...["\n", "# nrpe: ALL\n", " # nrpe: ALL\n", "#\\\nnrpe: ALL\n", "nrpe ALL\n", "nrpe:\n"],
      ...[":ALL\n", "::\n", "\t\r \n", "nrpe::allow\n", "\xef\xbb\xbfnrpe: ALL\n", ",: ALL\n"],
      ...["\\\n# x\n", "\\\n\\\nnrpe: ALL\n", "nrpe]: ALL\n", "]nrpe[: ALL\n", "nrpe\\: ALL\n"],
      ...["ALL\n", "\f\n", "\vnrpe: ALL\n", "nrpe:\fALL\n", "nrpe: ALL\f\n", "ALL: ALL EXCEPT\n"],
      ...["\\\n", "\\\\\n", "nrpe: ALL \\\\\n", "nrpe: ALL: \\\n", "nrpe : ALL # : deny\n"],
    ]);
  }
  const daemons = list(random, () => daemonPattern(random, files), 0.7);
  const clients = list(random, () => clientPattern(random, files), 0.5);
  let text = `${daemons}${blank(random)}:${blank(random)}${clients}`;
  if (random.chance(0.35)) text += `${blank(random)}:${blank(random)}${options(random)}`;
  if (random.chance(0.03)) text = padded(random, text);
  if (random.chance(0.1)) {
    const at = random.below(text.length + 1);
    text = `${text.slice(0, at)}\\\n${text.slice(at)}`;
  }
  if (random.chance(0.04)) {
    const at = random.below(text.length + 1);
    const odd = random.pick([..."[]:@/.*?,#\\%\"' \t\r\v\f\x01\x80\xff\xc4\xe4A0"]);
    text = text.slice(0, at) + odd + text.slice(at + random.below(2));
  }
  return text + (random.chance(0.05) ? "\r\n" : "\n");
}

/** A line about as long as a line may be, with words that match nothing in front of the list. */
function padded(random: Choices, text: string): string {
  const colon = text.indexOf(":");
  const wanted = 2040 + random.below(14) - text.length;
  if (colon < 0 || wanted < 2) return text;
  const filling = " x".repeat(Math.ceil(wanted / 2)).slice(0, wanted);
  return `${text.slice(0, colon + 1)}${filling} ${text.slice(colon + 1)}`;
}

function blank(random: Choices): string {
  return random.pick(["", "", " ", " ", " ", "\t", "  ", "\r", " \t"]);
}

function list(random: Choices, word: () => string, single: number): string {
  const words: string[] = [];
  let count = random.chance(single) ? 1 : 1 + random.below(5);
  for (; count > 0; count--) {
    words.push(word());
    if (random.chance(0.15)) {
      words.push(random.pick(["EXCEPT", "EXCEPT", "EXCEPT", "except", "Except", "EXCEPT EXCEPT"]));
      if (random.chance(0.85)) words.push(word());
    }
  }
  if (random.chance(0.02)) words.unshift("EXCEPT");
  const separator = () => random.pick([" ", " ", " ", ", ", ",", "\t", ",,", " , "]);
  return words.map((one, at) => (at === 0 ? one : separator() + one)).join("");
}

function daemonPattern(random: Choices, files: Record<string, string>): string {
  const daemon = random.chance(0.65) ? "nrpe" : random.pick([
    ...[
      "ALL",
      "ALL",
      "KNOWN",
      "UNKNOWN",
      "LOCAL",
      "NRPE",
      "n*",
      "nrp?",
      "*",
      ".nrpe",
      "in.",
      "nrpe.",
    ],
    ...[
      "all",
      "*e",
      "**",
      "n**",
      "nrpe**",
      "n*?*e",
      "[nrpe]",
      "[::1]",
      "@nrpe",
      "/etc/hosts",
      "sshd",
    ],
    ...[
      "5666",
      "+5666",
      "-5",
      "5666x",
      "05666",
      "nrpe:",
      "nr_pe",
      "n".repeat(127),
      "n".repeat(128),
    ],
    ...["_nrpe_", "?*", "????", ".", "..", "a_b-c", "nr", "", "in.*.", "\v7", "1234567"],
  ]);
  return random.chance(0.85) ? daemon : `${daemon}@${hostPattern(random, files)}`;
}

function clientPattern(random: Choices, files: Record<string, string>): string {
  const host = hostPattern(random, files);
  if (random.chance(0.88)) return host;
  const user = random.pick([
    ...[
      "root",
      "ALL",
      "KNOWN",
      "UNKNOWN",
      "r*",
      "r??t",
      "*",
      "LOCAL",
      "PARANOID",
      "@wheel",
      "[root]",
    ],
    ...[
      "ROOT",
      ".ot",
      "b.",
      "r_t",
      "r~t",
      "10.0.0.1",
      "un*",
      "unknown",
      "u".repeat(127),
      "a@b",
      "",
    ],
  ]);
  return `${user}@${host}`;
}

function hostPattern(random: Choices, files: Record<string, string>): string {
  return random.pick<() => string>([
    () => anAddress(random),
    () => anAddress(random),
    () => ipv4Net(random),
    () => ipv4Net(random),
    () => ipv4Net(random),
    () => prefix(random),
    () => ipv6Pattern(random),
    () => ipv6Pattern(random),
    () => namePattern(random),
    () => namePattern(random),
    () => namePattern(random),
    () => wildcard(random),
    () => random.pick(["ALL", "LOCAL", "KNOWN", "UNKNOWN", "PARANOID", "all", "Local", "known"]),
    () =>
      random.pick([
        ...[
          "@admins",
          "@",
          "10.0.0.01",
          "012.0.0.1",
          '"10.0.0.1"',
          "10.0.0.1;",
          "(ALL)",
          "-",
          "...",
        ],
        ...["unknown", "paranoid", "un*", "*n*", "p?ranoid", ".", "/", "[", "]", "#", "\\", "%a"],
        ...["[10.0.0.1]", "10.0.0", "10", "0.0.0.0", "ALLX", "ALL.", ".ALL", "[ALL]", "!10.0.0.1"],
      ]),
    () => (random.chance(0.6) ? filePattern(random, files, 0) : anAddress(random)),
  ])();
}

function ipv4Net(random: Choices): string {
  const address = anAddress(random).split(".");
  const length = random.chance(0.8)
    ? random.pick([8, 16, 24, 32, 25, 28, 12, 1])
    : random.below(35);
  const masked = random.chance(0.75)
    ? address.map((part, at) => {
      const bits = Math.max(0, Math.min(8, length - at * 8));
      return String(Number(part) & (0xff << (8 - bits)) & 0xff);
    })
    : address;
  const net = masked.map((part) => spell(random, Number(part))).join(".");
  const dotted = [0, 1, 2, 3].map((at) => {
    const bits = Math.max(0, Math.min(8, length - at * 8));
    return spell(random, (0xff << (8 - bits)) & 0xff);
  }).join(".");
  const mask = random.pick<() => string>([
    () => String(length),
    () => String(length),
    () => dotted,
    () => dotted,
    () =>
      random.pick([
        ...[
          "",
          "x",
          "+8",
          "08",
          "-8",
          "8x",
          "24.5",
          "8/9",
          "0",
          "33",
          "255.255.255",
          "255.0.0.255",
        ],
        ...[
          "0.0.0.0",
          "255.255.255.255",
          "0377.0.0.0",
          "0xff.0.0.0",
          "8.0.0.256",
          "24.0.0.0.0",
          "\v8",
        ],
        ...["255.0.255.0", "0.0.0.255", "*", "[8]", "16.", "016", "0x10", "1e1", "8@", "300"],
      ]),
  ])();
  return `${net}/${mask}`;
}

/** A part of an address as a decimal number, seldom as an octal or hexadecimal one. */
function spell(random: Choices, value: number): string {
  if (random.chance(0.95)) return String(value);
  return random.pick([
    `0${value.toString(8)}`,
    `0x${value.toString(16)}`,
    `0${value}`,
    `${value}x`,
  ]);
}

function prefix(random: Choices): string {
  const parts = anAddress(random).split(".");
  const kept = parts.slice(0, 1 + random.below(4)).join(".");
  return random.pick([`${kept}.`, `${kept}.`, `${kept}.`, kept, `.${kept}`, `${kept}..`]);
}

function ipv6Pattern(random: Choices): string {
  const address = random.pick([
    ...ADDRESSES6,
    ...[
      "2001:db8::",
      "::",
      "2001:0DB8:0:0::1",
      "::ffff:10.0.0.1",
      "::ffff:0:0",
      "2001:db8:0:0:0:0:0:1",
    ],
    ...[
      "2001:db8::g",
      "2001:db8:",
      "1:2:3:4:5:6:7::",
      "::1%lo",
      "fe80::1%lo",
      "fe80::1%1",
      "::1%1",
    ],
    ...["::1.2.3.4", "::01.2.3.4", "2001:DB8::00001", "10.0.0.1", "", "2001:*", ":::", "1::2::3"],
  ]);
  const length = random.pick<string | number>([
    ...[0, 16, 31, 32, 33, 48, 64, 127, 128, 129, "-1", "+32", "32x", "", "abc", "032"],
    random.below(129),
  ]);
  return random.pick([
    `[${address}]/${length}`,
    `[${address}]/${length}`,
    `[${address}]`,
    `[${address}]`,
    `[${address}/${length}]`,
    address,
    `[[${address}]]`,
    `[${address}]x`,
    `[${address}`,
  ]);
}

function namePattern(random: Choices): string {
  const name = aName(random);
  const dot = name.indexOf(".", random.below(name.length));
  return random.pick([
    name,
    name,
    name.toUpperCase(),
    dot < 0 ? `.${name}` : name.slice(dot),
    dot < 0 ? `${name}.` : name.slice(0, dot + 1),
    ".example",
    ".corp.example",
    `.${name}`,
    `${name}.`,
    ".EXAMPLE",
    "172.16.",
    `${name}/24`,
  ]);
}

function wildcard(random: Choices): string {
  const text = random.pick([...NAMES, ...ADDRESSES, ...ADDRESSES6]);
  let pattern = text;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.below(pattern.length + 1);
    const cut = random.below(4);
    pattern = pattern.slice(0, at) + random.pick(["*", "?", "*", "**", "*?"]) +
      pattern.slice(at + cut);
  }
  return pattern;
}

function filePattern(random: Choices, files: Record<string, string>, depth: number): string {
  if (random.chance(0.1)) {
    return random.pick(["@DIR@/missing", "@DIR@", "/", "@DIR@/F0/x", "/etc/F"]);
  }
  const known = Object.keys(files).length;
  const name = `F${known}`;
  files[name] = "";
  let text = "";
  for (let count = random.below(6); count > 0; count--) {
    const word = depth < 3 && random.chance(0.1)
      ? filePattern(random, files, depth + 1)
      : random.chance(0.9)
      ? hostPattern(random, files)
      : random.pick([
        "EXCEPT",
        "#",
        "ALL@10.0.0.1",
        "10.0.0.1,10.0.0.2",
        "nrpe:",
        "\xef\xbb\xbf10.0.0.1",
      ]);
    text += word + random.pick(["\n", "\n", " ", "\t", "\r\n", "\v", "\f", "\n\n", ", ", "\\\n"]);
  }
  if (random.chance(0.3)) text = text.trimEnd();
  files[name] = text;
  return `@DIR@/${name}`;
}

function options(random: Choices): string {
  const parts: string[] = [];
  for (let count = random.below(3); count > 0; count--) parts.push(option(random));
  parts.push(
    random.chance(0.5) ? random.pick(["allow", "deny", "ALLOW", "twist echo %a"]) : option(random),
  );
  if (random.chance(0.04)) parts.push("");
  if (random.chance(0.04)) parts.unshift("");
  return parts.join(random.pick([":", " : ", ": ", ":", " :"]));
}

function option(random: Choices): string {
  const [name, values] = random.pick<readonly [string, readonly string[]]>([
    ["allow", ["", "", "yes", "= "]],
    ["deny", ["", "", "1"]],
    ["twist", ["/bin/echo %a", "echo a\\: b", "", "%z", "%%"]],
    ["spawn", ["echo %a %z %%", "(echo %c %n) &", "", "echo [a\\:b", "%u%r%%%", "\\: \\\\: x"]],
    ["aclexec", ["/bin/false", "/bin/true %d", ""]],
    ["nice", ["", "5", "-5", "+5", "5x", "0x5", "5 6", "19", " \v5", "5\f", "05", "--5", "- 5"]],
    ["umask", ["022", "777", "1000", "8", "", "0", "-0", "+22", "22 ", "-1", "02x", "0777"]],
    ["linger", ["0", "5", "-1", "", "5x", "+5", "1.5"]],
    ["keepalive", ["", "", "yes"]],
    ["rfc931", ["", "5", "0", "-1", "5x", "+5", "05"]],
    ["setenv", [
      "A b",
      "A",
      "A=b",
      "",
      "A %c",
      "%z",
      "%z x",
      "%% y",
      "= x",
      "A\tb\\:c",
      "%d=x",
      "A\v b",
    ]],
    [
      "severity",
      [
        ...[
          "info",
          "mail.info",
          "MAIL.INFO",
          "mail",
          "error",
          "authpriv.info",
          "mail.info x",
          ".info",
        ],
        ...[
          "",
          "local0.debug",
          "local7.",
          "local8.info",
          "daemon.warn",
          "cron.emerg",
          "auth. info",
        ],
        ...["mail.info.x", "[mail.info", "user.err", "0", "kern.notice", "mail .info"],
      ],
    ],
    ["banners", ["/nosuch", "", "@DIR@", "/nosuch %z"]],
    ["user", ["nosuch", "root.nosuch", "0", "root.", ".root", "root", "root.root", "root root"]],
    ["group", ["root", "nosuch", "root.root", "0", ""]],
    [random.pick(["permit", "/bin/true", '"allow"', "ALLOWED", "", "all\\\now", "[allow]"]), [
      "",
      "x",
    ]],
  ]);
  const value = random.pick(values);
  const spelled = random.chance(0.1) ? name.toUpperCase() : name;
  if (value === "" && random.chance(0.9)) return spelled + random.pick(["", "", " ", "="]);
  return `${spelled}${
    random.pick([" ", " ", " ", "=", " = ", "\t", "= ", " == ", "  ", "\v"])
  }${value}`;
}
