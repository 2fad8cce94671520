/** deploy/completion: what the shells offer when a person asks them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PROGRAM_OPTIONS } from "../../tools/program_options.ts";
import { peersMissing } from "../support/peers.ts";
import { makeRoom, type Room, ROOT } from "../support/room.ts";

const COMPLETION = join(ROOT, "deploy/completion");
/** The name of a command of nrpe.cfg that a shell would run if it were not quoted. */
const TRAP = "check $(touch trapped)";

let room: Room;

beforeAll(() => {
  room = makeRoom();
  room.file("nrpe.cfg", "command[check_load]=/bin/true\ninclude=more.cfg\n");
  room.file("more.cfg", `command[check_disk]=/bin/true\ncommand[${TRAP}]=/bin/true\n`);
});

afterAll(() => room[Symbol.dispose]());

/** A command line, and what may stand in the place of its last word. */
type Case = readonly [line: string, offered: readonly string[]];

const NAMES = ["check_disk", "check_load", TRAP];

const OPTIONS: readonly Case[] = PROGRAM_OPTIONS.filter(({ words }) => words !== "programs")
  .map(({ name, options }) => [
    name.startsWith("-") && name !== "nrpe" ? `nrpe ${name} -` : `${name} -`,
    options.flatMap(({ words }) => words),
  ]);

const CASES: readonly Case[] = [
  ...OPTIONS,
  ["nrpe -c nrpe.c", ["nrpe.cfg"]],
  ["nrpe -nc nrpe.c", ["nrpe.cfg"]],
  ["nrpe --doctor -c nrpe.c", ["nrpe.cfg"]],
  ["check_nrpe -H db1 -A nrpe.c", ["nrpe.cfg"]],
  ["nrpe --run -c nrpe.cfg check", NAMES],
  ["nrpe -ic nrpe.cfg --run check_", ["check_disk", "check_load"]],
  ["nrpe --run --config=nrpe.cfg check_l", ["check_load"]],
];

/** What a program was given, between STX and ETX, which no terminal echoes as they are. */
const [STX, ETX] = ["\x02", "\x03"];
const ANSWER = new RegExp(`${STX}([^${ETX}]*)${ETX}`, "g");

const PROGRAMS = ["nrpe", "check_nrpe", "tcpdmatch", "tcpdchk"];

/** What a shell on a terminal does with lines: each with all completions of its last word in it. */
async function typed(shell: string, lines: readonly string[]): Promise<readonly string[][]> {
  const terminal = Bun.spawn(["script", "-qec", shell, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    cwd: room.path,
    env: { PATH: process.env.PATH!, TERM: "dumb", HOME: room.path, ZDOTDIR: room.path },
    timeout: 60_000,
  });
  terminal.stdin.write([...lines.map((line) => `${line}\x18a\n`), "exit\n"].join(""));
  await terminal.stdin.end();
  const text = await terminal.stdout.text();
  await terminal.exited;
  return [...text.matchAll(ANSWER)].map(([, words]) => words!.split("\x1f"));
}

/** Defines the programs as functions that print their arguments; the agent lists its commands. */
function programs(): string {
  return PROGRAMS.map((name) =>
    `${name}() { case "$*" in '--run --list'*) ${room.binary} "$@" ;; ` +
    `*) printf '\\002%s' "$1"; shift; printf '\\037%s' "$@"; printf '\\003\\n' ;; esac; }\n`
  ).join("");
}

/** Compares what has been typed, the words before the last one left out. */
function expectOffered(answers: readonly string[][]): void {
  const offered = CASES.map(([line], at) => {
    const words = line.split(" ").slice(1, -1);
    return [line, answers[at]?.slice(words.length).sort()];
  });
  expect(offered).toEqual(CASES.map(([line, words]) => [line, [...words].sort()]));
  expect(existsSync(join(room.path, "trapped"))).toBeFalse();
}

describe("deploy/completion/nrpe.bash", () => {
  test("offers options, files, and the commands of nrpe.cfg", async () => {
    const rc = room.file(
      "bashrc",
      `bind 'set completion-query-items 0' 'set enable-bracketed-paste off' 'set bell-style none'
bind '"\\C-xa": insert-completions'
${programs()}. ${COMPLETION}/nrpe.bash\n`,
    );
    expectOffered(
      await typed(`bash --noprofile --rcfile ${rc} -i`, CASES.map(([line]) => line)),
    );
  });
});

describe.skipIf(peersMissing("zsh"))("deploy/completion/_nrpe", () => {
  test("offers the same in zsh", async () => {
    room.file(
      ".zshrc",
      `fpath=(${COMPLETION} $fpath)
autoload -U compinit; compinit -u -D
zle -C all-matches complete-word _generic
bindkey '^Xa' all-matches
zstyle ':completion:all-matches:*' insert yes
zstyle ':completion:all-matches::::' completer _all_matches _complete
${programs()}`,
    );
    expectOffered(await typed("zsh -i", CASES.map(([line]) => line)));
  });
});

describe.skipIf(peersMissing("fish"))("deploy/completion/nrpe.fish", () => {
  test("offers the same in fish", () => {
    // It runs the agent by the path that is typed.
    const lines = CASES.map(([line]) => line.replace(/^nrpe /, `${room.binary} `));
    const script = `source ${COMPLETION}/nrpe.fish
for line in $argv
    printf '\\002'
    complete -C "$line" | string replace -r '\\t.*' ''
    printf '\\003'
end`;
    const fish = Bun.spawnSync(["fish", "--no-config", "-c", script, ...lines], {
      cwd: room.path,
      env: { PATH: process.env.PATH!, HOME: room.path },
    });
    const answers = [...fish.stdout.toString().matchAll(ANSWER)].map(([, text]) =>
      text!.split("\n").filter((word) => word !== "")
    );
    const offered = CASES.map(([line], at) => [line, answers[at]?.sort()]);
    expect(offered).toEqual(CASES.map(([line, words]) => [line, [...words].sort()]));
    expect(existsSync(join(room.path, "trapped"))).toBeFalse();
  });
});
