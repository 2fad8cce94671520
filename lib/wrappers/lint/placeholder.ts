/**
 * Placeholders of templates and instructions that nobody has filled in.
 */
import type { Piece } from "./finding.ts";
import { partsOf } from "./list.ts";

/** What templates put around a name, which is short and may hold blanks. */
const MARKED =
  /<[^<>\s][^<>]{0,80}>|\{\{.{0,80}?\}\}|\{%.{0,80}?%\}|\$\{[^}]{0,80}\}|\$\([^)]{0,80}\)|<%.{0,80}?%>/g;

const WHAT =
  "(IP|IPS|IPV[46]|IPADDR|IPADDRESS|ADDR|ADDRESS|HOST|HOSTNAME|NET|NETWORK|SUBNET|CIDR|RANGE|DOMAIN|FQDN|HERE)";

/** Words that stand for an address, a name or a net. */
const PLACEHOLDERS: readonly RegExp[] = [
  MARKED,
  // $IP, %IP%, @IP@, __IP__
  /^\$[A-Za-z_]\w*$|^%+[A-Za-z_]\w*%+$|^@[A-Za-z_]\w*@$|^__\w+__$/,
  // SERVER_IP, YOUR_OFFICE_NET; no name in DNS holds an underscore and capitals are rare.
  /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/,
  new RegExp(`^(MY|YOUR|THE|SERVER|CLIENT|NAGIOS|ICINGA|ADMIN|REMOTE)?${WHAT}$`),
  new RegExp(`^your[-_.]?((server|client|office|home|local|own)[-_.]?)?(${WHAT}[-_.]?)+$`, "i"),
  /^(changeme|replaceme|placeholder|todo|fixme|xxx+)$/i,
  // x.x.x.x, 10.0.0.x, 192.168.1.XXX, a.b.c.d
  /^(?=.*x)((\d{1,3}|x{1,3})\.){2,3}x{1,3}$/i,
  /^(a+\.b+\.c+\.d+|w+\.x+\.y+\.z+|n{1,3}\.n{1,3}\.n{1,3}\.n{1,3})$/i,
];

/** Addresses, and names in small letters that are no word of a template. */
const PLAIN = /^[\d.:/]*$|^(?!your|changeme|replaceme|placeholder|todo|fixme|xxx)[a-z][a-z0-9-]*$/;

/** The longest placeholder, in bytes. */
const LONGEST = 255;

/** Whether a word stands for what should be in its place. */
export function isPlaceholder(word: string): boolean {
  if (word.length > LONGEST || PLAIN.test(word)) return false;
  const inner = word.replace(/\/[^/]*$/, "").replace(/^\[(.*)\]$/, "$1");
  return PLACEHOLDERS.some((pattern) => word.search(pattern) >= 0 || inner.search(pattern) >= 0);
}

/**
 * The placeholders among the words of a list, each with all words that it holds: `< your ip >` is one.
 *
 * @param list The text of the list.
 * @param start Where it begins in the line.
 */
export function placeholdersIn(list: string, start: number, words: readonly Piece[]): Piece[] {
  const marks = /[<{$[]/.test(list)
    ? [...list.matchAll(MARKED)].map(({ index, 0: text }) => ({
      from: start + index,
      to: start + index + text.length,
    }))
    : [];
  const found: Piece[] = [];
  for (const word of words) {
    const end = word.at + word.text.length;
    const isMarked = marks.some(({ from, to }) => from < end && to > word.at);
    if (!isMarked && !isPlaceholder(word.text) && !isPlaceholder(hostOf(word))) continue;
    const last = found.at(-1);
    const joins = last !== undefined &&
      marks.some(({ from, to }) => from < last.at + last.text.length && to > word.at);
    if (!joins) found.push(word);
    else found[found.length - 1] = { text: list.slice(last.at - start, end - start), at: last.at };
  }
  return found;
}

/** What follows the `@` of a word, if it has one. */
function hostOf(word: Piece): string {
  return word.text.includes("@") ? partsOf(word).after?.text ?? "" : "";
}
