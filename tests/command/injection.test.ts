/**
 * Attempts to make a command run something else by its arguments. injection-cases.jsonl has what a C
 * agent that was built with arguments makes of each. Here each is made of the compiled agent as well,
 * and of a command that no shell runs.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../../demo/client.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";

type Shape = "plain" | "single" | "double" | "joined" | "prefixed";

interface Recording {
  readonly files: Readonly<Record<string, string>>;
  readonly commands: Readonly<Record<Shape, string>>;
}

/** An answer; null where the connection was closed without one. */
interface Recorded {
  readonly code: number | null;
  readonly text: string | null;
  /** Whether the attempt made its file. */
  readonly made?: true;
}

interface Attempt {
  readonly command: Shape;
  readonly attempt: string;
  readonly strict: Recorded | null;
  readonly relaxed: Recorded | null;
}

const [recording, ...attempts] = readFileSync(
  join(import.meta.dir, "injection-cases.jsonl"),
  "utf8",
).trimEnd().split("\n").map((line) => JSON.parse(line)) as [Recording, ...Attempt[]];

const isRoot = process.getuid?.() === 0;
/** Shells differ in what they make of some attempts. */
const hasDash = readlinkSync("/bin/sh").endsWith("dash");
const GROUP = Bun.spawnSync(["id", "-gn", "nobody"]).stdout.toString().trim();
/** How many attempts are made at once. */
const AT_ONCE = 6;

let room: Room;
let daemon: Daemon;
let relaxed: Daemon;
let made: string;

beforeAll(async () => {
  if (!isRoot) return;
  room = makeRoom();
  for (const [name, text] of Object.entries(recording.files)) room.file(name, text, 0o755);
  made = join(room.path, "made");
  mkdirSync(made);
  chmodSync(made, 0o777);
  const common = `nrpe_user=nobody\nnrpe_group=${GROUP}\ndont_blame_nrpe=1\n` +
    Object.entries(recording.commands).map(([name, line]) =>
      `command[${name}]=${line.replaceAll("@DIR@", room.path)}\n` +
      `command[argv_${name}]=${line.replaceAll("@DIR@", room.path)}\n` +
      `command_argument_mode[argv_${name}]=argv\ncommand_nasty_metachars[argv_${name}]=none\n`
    ).join("");
  daemon = await startDaemon(room, { config: common });
  const more = "nasty_metachars=\\a\nallow_bash_command_substitution=1\n";
  relaxed = await startDaemon(room, { config: common + more });
});

afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await relaxed?.[Symbol.asyncDispose]();
  room?.[Symbol.dispose]();
});

const hexOf = (text: string) => Buffer.from(text, "latin1").toString("hex");

/** What an attempt came to: its answer in the form of the recording, and its text and file. */
async function make({ command, attempt }: Attempt, prefix: string, port: number, number: number) {
  const file = join(made, `${prefix}${port}-${String(number).padStart(4, "0")}`);
  const args = attempt.replaceAll("@OWNED@", file);
  const text = prefix + command + (args === "" ? "" : `!${args}`);
  const answer = await ask({ version: 4, text }, port);
  if (answer.kind === "closed") return { args, file, answer: null };
  const shown = [[file, "@OWNED@"], [room.path, "@DIR@"]].reduce(
    (text, [from, to]) => text.replaceAll(hexOf(from!), to!).replaceAll(from!, to!),
    answer.response.text.replace(/\s+/g, ""),
  );
  return { args, file, answer: { code: answer.response.code as number, text: shown } };
}

/** Makes all attempts, some at once, and hands each result over. */
async function makeAll(
  prefix: string,
  port: number,
  take: (attempt: Attempt, result: Awaited<ReturnType<typeof make>>) => void,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < attempts.length) {
      const number = next++;
      const attempt = attempts[number]!;
      take(attempt, await make(attempt, prefix, port, number));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** The arguments that the plugin of a command without a shell must get. */
function wordsOf(command: Shape, args: string): readonly string[] {
  // A query ends at its first NUL.
  const [one = "", two = ""] = args.split("\0")[0]!.split("!").filter((arg) => arg !== "");
  switch (command) {
    case "plain":
      return [one, two].filter((word) => word !== "");
    case "single":
    case "double":
      return [one, two];
    case "joined":
      return [`-w${one}`, `--c=${two}:x`];
    case "prefixed":
      return [one].filter((word) => word !== "");
  }
}

describe.skipIf(!isRoot)("attempts to run something else by an argument", () => {
  test("are many, and some are made with success where a shell reads them", () => {
    expect(attempts.length).toBeGreaterThanOrEqual(250);
    expect(attempts.filter((one) => one.relaxed?.made).length).toBeGreaterThanOrEqual(50);
  });

  test("reach a plugin as they are with argument_mode=argv, and nothing else is run", async () => {
    let count = 0;
    await makeAll("argv_", daemon.port, ({ command, attempt }, { args, answer, file }) => {
      const words = wordsOf(command, args);
      const bytes = hexOf(words.map((word) => `${word}\0`).join(""))
        .replaceAll(hexOf(file), "@OWNED@");
      const text = words.length === 0 ? "NRPE:Unabletoreadoutput" : bytes;
      const expected = { code: words.length === 0 ? 3 : 0, text };
      expect(answer, `${command} ${JSON.stringify(attempt)}`).toEqual(expected);
      count++;
    });
    expect(count).toBe(attempts.length);
    expect(readdirSync(made).filter((name) => name.startsWith("argv_"))).toEqual([]);
  }, 300_000);

  test.skipIf(!hasDash)(
    "fail or succeed as with the C agent where a shell reads them",
    async () => {
      for (const [kind, { port }] of [["strict", daemon], ["relaxed", relaxed]] as const) {
        const files: { readonly file: string; readonly isMade: boolean }[] = [];
        await makeAll("", port, (one, { answer, file }) => {
          const recorded = one[kind];
          const { made: isMade = false, ...rest } = recorded ?? {};
          const what = `${kind} ${one.command} ${JSON.stringify(one.attempt)}`;
          expect(answer as unknown, what).toEqual(recorded === null ? null : rest);
          files.push({ file, isMade });
        });
        // Some are made in the background.
        await waitUntil(
          "all files are made",
          () => files.every(({ file, isMade }) => existsSync(file) || !isMade),
        );
        expect(files.filter(({ file, isMade }) => existsSync(file) && !isMade)).toEqual([]);
      }
    },
    60_000,
  );
});
