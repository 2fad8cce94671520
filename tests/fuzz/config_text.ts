/** Generated nrpe.cfg files: real ones and lists of directives, changed in every way. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeBytes } from "../../lib/bytes.ts";
import { LONGEST_CONFIG_LINE } from "../../lib/config/parse_line.ts";
import { DIRECTIVES } from "../../lib/config/settings.ts";
import type { Random } from "../support/random.ts";
import { ROOT } from "../support/room.ts";

/** The files of a configuration, by name; `nrpe.cfg` is read first. `@DIR@` is where they are. */
export type ConfigTexts = Readonly<Record<string, string>>;

const REAL = [join(ROOT, "deploy", "nrpe.cfg"), "/etc/nagios/nrpe.cfg"]
  .filter((path) => existsSync(path))
  // Real includes would be read on some machines and not on others.
  .map((path) => decodeBytes(readFileSync(path)).replaceAll(/^include/gm, "#include"));

const NAMES = [...Object.keys(DIRECTIVES), "command[a]", "command[b]", "command[check_disk]"];

const VALUES = [
  ...["0", "1", "2", "3", "-1", "5", "10", "60", "300", "+5", "007", "0x10", "5 6", "5x", "x5"],
  ...["\xa05", "5\xa0", "\x855", "1024", "1023", "65535", "65536", "2147483647", "2147483648"],
  ...["4294967301", "99999999999999999999", "1e3", "1.5", "", " ", "=", "=1", "abc", "on", "yes"],
  ...["TLSv1.2+", "TLSv1", "tlsv1.3", "SSLv3", "SSLv2+", "TLSv1.4", "any", "both", "4", "6"],
  ...["127.0.0.1", "127.0.0.1,10.0.0.0/8", "::1/128, localhost", "10.0.0.1/24", ",", "#"],
  ...["daemon", "LOCAL0", "nowhere", "nobody", "json", "text", "JSON", "/nonexistent"],
  ...["/bin/echo $ARG1$", "\\n\\t|", "|`&", "a b c", "ALL:!aNULL", "\xe9t\xe9", "nrpe", "a.b-c"],
] as const;

const ODD_BYTES = "\0\r\n\t\v\f =[]#\\$!\xa0\x85\xef\xbb\xbf\xff{}";

/** Makes the files of a number. */
export function configTexts(random: Random): ConfigTexts {
  const includes = random.below(4) === 0;
  const first = changed(random, baseText(random)) + (includes ? includesOf(random) : "");
  if (!includes) return { "nrpe.cfg": first };
  return {
    "nrpe.cfg": first,
    "more.cfg": changed(random, listText(random)),
    "d/one.cfg": listText(random),
    "d/two.cfg": changed(random, listText(random)),
    "d/not-read": "nonsense\n",
    "d/e/three.cfg": listText(random),
  };
}

function baseText(random: Random): string {
  return random.below(3) > 0 || REAL.length === 0 ? listText(random) : random.pick(REAL);
}

/** Lines that are all right, but for one or another. */
function listText(random: Random): string {
  let text = "";
  for (let count = random.below(12); count > 0; count--) text += line(random);
  return text;
}

function line(random: Random): string {
  if (random.below(6) === 0) {
    return random.pick([
      ...["\n", "# comment\n", "  # indented\n", "nonsense\n", "=\n", "a=\n", "=a\n", "a=b\n"],
      ...["define host {\n", "command[]=x\n", "command[a\n", "command[a=x\n", "command[a]b]=x\n"],
      ...["command [a]=x\n", " command[a]=x\n", "command[a] =x\n", "command[a]= x\n"],
      ...["command[a=b]=x\n", "command=x\n", "commandx[a]=y\n", "comand[a]=x\n", "debug =1\n"],
      ...["Debug=1\n", "include=\n", "include_dir=/nonexistent\n", "include=/nonexistent\n"],
    ]);
  }
  if (random.below(2) === 0) {
    return `command[${random.pick(["a", "b", "c", "long name"])}]=/bin/echo ${random.below(100)}\n`;
  }
  const value = random.below(3) === 0 ? random.pick(VALUES) : random.pick(["1", "5", "text", "/x"]);
  return `${random.pick(NAMES)}=${value}\n`;
}

function includesOf(random: Random): string {
  return random.pick([
    "include=@DIR@/more.cfg\n",
    "include_file=@DIR@/more.cfg\n",
    "include_dir=@DIR@/d\n",
    "include_dir=@DIR@/d/\ninclude=@DIR@/more.cfg\n",
    "include=@DIR@/nrpe.cfg\n",
    "include=@DIR@/more.cfg\ninclude=@DIR@/more.cfg\n",
    "include=@DIR@/d\n",
    "include_dir=@DIR@/more.cfg\n",
  ]);
}

function changed(random: Random, text: string): string {
  let result = text;
  for (let count = random.below(4); count > 0; count--) result = changedOnce(random, result);
  return result;
}

function changedOnce(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const [before, after] = [text.slice(0, at), text.slice(at)];
  const lines = text.split("\n");
  const one = random.below(lines.length);
  const other = random.below(lines.length);
  switch (random.below(11)) {
    case 0:
      return before + String.fromCharCode((after.charCodeAt(0) || 0) ^ (1 << random.below(8))) +
        after.slice(1);
    case 1:
      return before + after.slice(1 + random.below(4));
    case 2:
    case 3:
      return before + random.pick([...ODD_BYTES]) + after;
    case 4:
      return lines.toSpliced(one, 0, lines[other]!).join("\n");
    case 5:
      return lines.toSpliced(one, 1).join("\n");
    case 6:
      return before + after.replace("\n", "");
    case 7:
      return random.below(3) === 0 ? before : text.replace(/\n$/, "");
    case 8:
      return lines.toSpliced(one, 1, lines[one]!.replace(/=.*/, `=${random.pick(VALUES)}`))
        .join("\n");
    case 9: {
      if (random.below(8) > 0) return before + line(random) + after;
      const length = random.pick([
        2046,
        2047,
        2048,
        4096,
        LONGEST_CONFIG_LINE,
        LONGEST_CONFIG_LINE + 1,
      ]);
      const head = random.pick(["command[a]=", "#", "debug="]);
      return `${lines.slice(0, one).join("\n")}\n${head}${"x".repeat(length - head.length)}\n${
        lines.slice(one).join("\n")
      }`;
    }
    default:
      return random.below(20) === 0
        ? text.replaceAll("\n", "\r\n")
        : random.below(20) === 0
        ? [...text].join("\0")
        : text.replace(/[0-9]+/, () => random.pick(VALUES));
  }
}
