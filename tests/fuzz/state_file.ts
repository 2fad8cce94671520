/** The TLS state file, changed in every way: it is used, replaced or left alone, and the agent serves. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { decodeBytes, encodeBytes } from "../../lib/bytes.ts";
import { DIRECTIVES, type Settings } from "../../lib/config/settings.ts";
import { type KeyAndCertificate } from "../../lib/tls/self_signed.ts";
import { setUpTls } from "../../lib/tls/tls_setup.ts";
import type { Random } from "../support/random.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { makeTally, type Part, type Tally } from "./part.ts";

/** A state file. */
interface Stored {
  /** As a byte string. */
  readonly text: string;
  readonly as: "file" | "symbolic link" | "hard link" | "directory" | "of another user";
}

/** Pairs that files are made of: keys cannot be made from a seed, so they are kept. */
const PAIRS: readonly KeyAndCertificate[] = JSON.parse(
  readFileSync(join(import.meta.dir, "pairs.json"), "utf8"),
);

function storedOf(random: Random): Stored {
  const pair = random.pick(PAIRS);
  const text = changed(random, baseText(random, pair));
  const as = random.below(8) > 0
    ? "file"
    : random.pick(["symbolic link", "hard link", "directory", "of another user"] as const);
  return { text, as };
}

function baseText(random: Random, { key, certificate }: KeyAndCertificate): string {
  const other = random.pick(PAIRS);
  switch (random.below(10)) {
    case 0:
      return certificate + key;
    case 1:
      return other.key + certificate;
    case 2:
      return key + certificate + other.certificate;
    case 3:
      return key + key + certificate;
    case 4:
      return random.pick([key, certificate, "", "\0".repeat(random.below(3000)), "nonsense\n"]);
    case 5:
      return `${
        random.pick(["# kept\n", "Bag Attributes\n", "\n", "\xef\xbb\xbf"])
      }${key}${certificate}`;
    default:
      return key + certificate;
  }
}

function changed(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const [before, after] = [text.slice(0, at), text.slice(at)];
  switch (random.below(12)) {
    case 0:
      return before;
    case 1:
      return after;
    case 2:
      return before + after.slice(1 + random.below(70));
    case 3:
      return before + decodeBytes(random.bytes(1 + random.below(70))) + after;
    case 4:
    case 5:
    case 6: {
      // Another letter of base64, which changes the content and not the form.
      const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
      return before + random.pick([...letters]) + after.slice(1);
    }
    case 7:
      return before + String.fromCharCode((after.charCodeAt(0) || 0) ^ (1 << random.below(8))) +
        after.slice(1);
    case 8:
      return text +
        random.pick(["\n", "\0", text, "x".repeat(70_000), "-----BEGIN CERTIFICATE-----\n"]);
    case 9:
      return text.replaceAll("\n", random.pick(["\r\n", "\r", "", " \n"]));
    case 10:
      return text.replace("EC PRIVATE KEY", "PRIVATE KEY").replace(
        "PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
      );
    default:
      return text;
  }
}

/** Puts the file in place; returns what would be harmed if the agent wrote through a link. */
function place(directory: string, { text, as }: Stored): { path: string; precious: string } {
  const path = join(directory, "tls.pem");
  const precious = join(directory, "precious");
  writeFileSync(precious, encodeBytes(text), { mode: 0o600 });
  if (as === "symbolic link") symlinkSync(precious, path);
  else if (as === "hard link") linkSync(precious, path);
  else if (as === "directory") mkdirSync(path);
  else writeFileSync(path, encodeBytes(text), { mode: 0o600 });
  if (as === "of another user") chownSync(path, 12_345, 12_345);
  return { path, precious };
}

async function wrongWith(
  room: Room,
  number: number,
  { text, as: wanted }: Stored,
  tally: Tally,
): Promise<string | undefined> {
  // Only root can give a file away.
  const as = wanted === "of another user" && process.getuid?.() !== 0 ? "file" : wanted;
  const stored = { text, as };
  const directory = join(room.path, `${number}`);
  mkdirSync(directory);
  try {
    const { path, precious } = place(directory, stored);
    const result = await setUpTls(configOf(path), () => "agent.example");
    if (result.kind === "failure") return `the agent does not serve: ${result.reason}`;
    const { cert = "", key = "" } = result.setup.options;
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      return "the agent serves with a key that is not its certificate's";
    }
    if (readFileSync(precious, "latin1") !== stored.text) return "a file behind a link is changed";
    const entries = readdirSync(directory).sort().join(" ");
    if (entries !== "precious tls.pem") return `it has left files behind: ${entries}`;
    return wrongWithFile(path, stored, result, tally);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What is wrong with the file afterwards, by what the agent says of it. */
function wrongWithFile(
  path: string,
  { text, as }: Stored,
  { certificate: note, warnings, setup }: Extract<
    Awaited<ReturnType<typeof setUpTls>>,
    { kind: "setup" }
  >,
  tally: Tally,
): string | undefined {
  const stays = as === "directory" || readFileSync(path, "latin1") === text;
  const { cert = "", key = "" } = setup.options;
  if (note === `the self-signed certificate of ${path}`) {
    tally.add("used");
    if (!stays || as !== "file") {
      return "it is used, and is not what it was or no file of the agent";
    }
    return blocksOf(cert + key).every((block) => text.includes(block))
      ? undefined
      : "it is used, and holds another pair";
  }
  if (warnings.some((warning) => warning.includes("has been replaced"))) {
    tally.add("replaced");
    if (as !== "file") return `it has been replaced, a ${as}`;
    if (readFileSync(path, "latin1") !== key + cert) return "the new pair is not what is served";
    if ((lstatSync(path).mode & 0o777) !== 0o600) return "others may read the new key";
    return holdsForeignKey(text)
      ? "a key has been replaced that the agent has not made"
      : undefined;
  }
  tally.add("left alone");
  if (warnings.length === 0) return "it is not used, and nobody is told";
  return stays ? undefined : "it is not used, and is changed all the same";
}

/** The blocks of a PEM text. */
function blocksOf(text: string): readonly string[] {
  return text.match(/-----BEGIN [^]*?-----END [A-Z ]*-----/g) ?? [];
}

/** Whether a text has a whole key which is not that of a certificate that the agent has made. */
function holdsForeignKey(text: string): boolean {
  if (PAIRS.some(({ certificate }) => text.includes(certificate.trim()))) return false;
  return PAIRS.some(({ key }) => text.includes(key.trim())) ||
    /-----BEGIN ENCRYPTED PRIVATE KEY-----[^-]*-----END ENCRYPTED PRIVATE KEY-----/.test(text);
}

type Configuration = Parameters<typeof setUpTls>[0];

function configOf(tls_state_file: string): Configuration {
  const settings: Record<string, unknown> = {};
  for (const [name, { byDefault }] of Object.entries(DIRECTIVES)) settings[name] = byDefault;
  const own = { uid: process.getuid!(), gid: process.getgid!() };
  return {
    ...(settings as Settings),
    nrpe_user: `${own.uid}`,
    nrpe_group: `${own.gid}`,
    tls_state_file,
    commands: new Map(),
    commandSettings: new Map(),
    positions: new Map(),
    directories: new Set(),
  };
}

export const stateFile: Part<Stored> = {
  about: "the TLS state file: cut, changed, grown, mixed, links, other owners",
  peers: [],
  batch: 100,
  start() {
    const tally = makeTally();
    const room = makeRoom();
    let tried = 0;
    return Promise.resolve({
      make: storedOf,
      async run(inputs) {
        const faults = [];
        for (const input of inputs) {
          try {
            const what = await wrongWith(room, tried++, input, tally);
            if (what !== undefined) faults.push({ what, input });
          } catch (error) {
            faults.push({ what: `exception: ${(error as Error).stack}`, input });
          }
        }
        return faults;
      },
      counts: tally.counts,
      [Symbol.asyncDispose]: () => Promise.resolve(room[Symbol.dispose]()),
    });
  },
  write: (stored) => stored,
  read: (written) => written as Stored,
};
