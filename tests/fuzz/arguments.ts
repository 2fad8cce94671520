/** Definitions and the arguments of requests: the C agent has to agree, and no substitution may appear. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expandMacros } from "../../lib/config/macros.ts";
import { readRequest } from "../../lib/command/request.ts";
import { DIRECTIVES } from "../../lib/config/settings.ts";
import { encodeQuery } from "../../lib/protocol/encode.ts";
import type { Response } from "../../lib/protocol/packet.ts";
import { startCAgentOf } from "../support/c_agent.ts";
import { startDaemon } from "../support/daemon.ts";
import { PEERS } from "../support/peers.ts";
import type { Random } from "../support/random.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { type Ending, plainVoice, runClients } from "./clients.ts";
import { type Fault, makeTally, type Options, type Part, type Tally } from "./part.ts";

/** A definition and a request for it. `@DIR@` stands for a directory. */
interface Call {
  /** Tells its substitutions from those of others. */
  readonly id: number;
  readonly definition: string;
  readonly args: readonly string[];
  readonly allow: boolean;
  /** What a C agent with arguments has answered, where that is recorded; null for nothing. */
  readonly answer?: { readonly code: number; readonly text: string } | null;
}

const SHOW = '#!/bin/sh\nfor a; do printf "<%s>" "$a"; done; echo\n';

/** What a substitution would run. */
const MARK = '#!/bin/sh\necho "$1" >> "${0%/*}/marks"; echo marked\n';

function callOf(random: Random): Call {
  const id = random.below(1_000_000_000);
  let definition = "@DIR@/show";
  for (let count = 1 + random.below(5); count > 0; count--) {
    definition += (random.below(3) === 0 ? "" : " ") + definitionPart(random, id);
  }
  const args: string[] = [];
  for (let count = random.pick([0, 0, 1, 1, 2, 2, 3, 16, 18]); count > 0; count--) {
    args.push(argument(random, id));
  }
  return { id, definition, args, allow: random.below(4) === 0 };
}

function definitionPart(random: Random, id: number): string {
  const macro = () => `$ARG${random.pick([1, 1, 1, 2, 2, 3, 16])}$`;
  return random.pick<() => string>([
    macro,
    macro,
    () => `'${macro()}'`,
    () => `"${macro()}"`,
    () => macro() + macro(),
    () => `-w${macro()}:x`,
    () => random.pick(["$$", "$", "$FOO$", "$ARG$", "$ARG0$", "$ARG17$", "$ARG01$", "$ARG1x$"]),
    () => random.pick(["$arg1$", "$ARG1", "ARG1$", "$$ARG1$$", "'$$'", '"$$HOME"', "%s", "\\$"]),
    () => random.pick([`(@DIR@/mark ${id})`, `$(@DIR@/mark ${id})`, `$$(@DIR@/mark ${id})`]),
    () => random.pick(["(", ")", "'(' ", "#", "*", "~", "\\", '"', "'", "=", "fixed"]),
  ])();
}

function argument(random: Random, id: number): string {
  const mark = `(@DIR@/mark ${id})`;
  return random.pick<() => string>([
    () => random.pick(["a", "b c", "20%", "-x", "/", "", "*", "~", "#", "=", "%s", "a=b", "\t"]),
    () => random.pick(["$", "$$", "(", ")", "$(", mark, `$${mark}`, "$ARG1$", "$ARG2$", "$HOME"]),
    () => random.pick(['"', '"a"', "a$", "$a", `a${mark}`, "\\", "'", "`", "\xe9", "\x01", "a)b"]),
    () => {
      let text = "";
      for (let count = random.below(6); count > 0; count--) {
        text += random.pick([...'$$((a) "#*%~=.']);
      }
      return text;
    },
  ])();
}

/** Whether the agent would run a request. */
function isRun({ definition, args, allow }: Call, directory: string): boolean {
  const request = readRequest(["x", ...args].join("!").replaceAll("@DIR@", directory), {
    commands: {
      get: (name) => ({
        name,
        line: definition.replaceAll("@DIR@", directory),
        position: { file: "", line: 0 },
      }),
    },
    commandSettings: new Map(),
    nasty_metachars: DIRECTIVES.nasty_metachars.byDefault,
    dont_blame_nrpe: true,
    allow_bash_command_substitution: allow,
    command_prefix: undefined,
  });
  return request.kind === "command";
}

/** Whether the definition runs its mark by itself, whatever the arguments are. */
function marksItself({ definition }: Call): boolean {
  return /\$\(|`/.test(expandMacros(definition, []));
}

interface Setting {
  readonly room: Room;
  readonly options: Options;
  readonly tally: Tally;
}

async function run(
  { room, options, tally }: Setting,
  number: number,
  calls: readonly Call[],
): Promise<readonly Fault<Call>[]> {
  const directory = join(room.path, `${number}`);
  mkdirSync(directory);
  const place = (name: string, text: string, mode: number) =>
    room.file(`${number}/${name}`, text, mode);
  place("show", SHOW, 0o755);
  place("mark", MARK, 0o755);
  const marks = place("marks", "", 0o666);
  const faults: Fault<Call>[] = [];
  const fault = (input: Call, what: string) => void faults.push({ what, input });
  for (const call of calls) {
    tally.add(isRun(call, directory) ? "run" : "refused");
  }
  for (const allow of [false, true]) {
    const mine = calls.filter((call) => call.allow === allow);
    if (mine.length === 0) continue;
    const definitions = mine.map(({ definition }, at) =>
      `command[c${at}]=${definition.replaceAll("@DIR@", directory)}\n`
    );
    const config = `dont_blame_nrpe=1\nallow_bash_command_substitution=${allow ? 1 : 0}\n` +
      definitions.join("");
    const queries = mine.map(({ args }, at) =>
      [`c${at}`, ...args].join("!").replaceAll("@DIR@", directory)
    );
    const ask = (port: number, exact: boolean) =>
      runClients(
        port,
        queries.map((text) =>
          plainVoice([{ do: "send", bytes: encodeQuery({ version: 4, text }) }])
        ),
        { atOnce: 8, exact },
      );
    let ours: Ending[];
    {
      await using daemon = await startDaemon(room, { config });
      ours = ask(daemon.port, true);
    }
    const marked = readFileSync(marks, "latin1").split("\n").map(Number);
    const reference = await askReference(room, options, config, ask);
    mine.forEach((call, at) => {
      const ending = ours[at]!;
      if (ending.kind === "fault") return fault(call, ending.what);
      if (!allow && marked.includes(call.id) && !marksItself(call)) {
        return fault(call, "a command substitution has appeared");
      }
      const response = ending.kind === "answered" ? ending.response : undefined;
      if ((response !== undefined) !== isRun(call, directory)) {
        return fault(call, `answered ${shown(response)}, unlike readRequest()`);
      }
      const theirs = answerOf(call, reference[at]!, options);
      if (theirs === undefined) return;
      tally.add("compared");
      const same = theirs === null ? response === undefined : response?.code === theirs.code &&
        withoutIds(response.text) === withoutIds(theirs.text);
      if (same) return;
      const difference = excuseFor(call, response);
      if (difference === undefined) {
        fault(call, `the client got ${shown(response)}, and ${shown(theirs)} of the C agent`);
      } else tally.add(`different: ${difference}`);
    });
  }
  return faults;
}

/** Asks the C agent, one that was built with arguments if there is one. */
async function askReference(
  room: Room,
  { cAgent = PEERS.agent.path }: Options,
  config: string,
  ask: (port: number, exact: boolean) => Ending[],
): Promise<readonly Ending[]> {
  const text = `allowed_hosts=127.0.0.1\nlisten_queue_size=128\n${config}`;
  await using agent = await startCAgentOf(cAgent, room, text, "-n");
  return ask(agent.port, false);
}

/** The answer that the C agent gives, null for none; undefined where it is not known. */
function answerOf(
  { answer, args }: Call,
  ending: Ending,
  { cAgent }: Options,
): Call["answer"] {
  if (answer !== undefined) return answer;
  // Debian's agent is built without arguments.
  if (cAgent === undefined && args.length > 0) return undefined;
  return ending.kind === "answered" ? ending.response : null;
}

/** `$$` in a shell is its process id. */
function withoutIds(text: string): string {
  return text.replaceAll(/[0-9]{3,}/g, "N");
}

/** A difference from the C agent; see docs/differences.md. */
interface Exception {
  readonly name: string;
  readonly why: string;
  readonly applies: (call: Call, ours: Response | undefined) => boolean;
}

const EXCEPTIONS: readonly Exception[] = [
  {
    name: "substitution of several arguments",
    why: "the C agent looks at each argument alone",
    applies: ({ allow, args }, ours) => ours === undefined && !allow && args.length > 0,
  },
  {
    name: "unpaired $",
    why: "the C agent adds another one at the end of the line",
    applies: ({ definition }) => definition.split("$").length % 2 === 0,
  },
];

function excuseFor(call: Call, ours: Response | undefined): string | undefined {
  return EXCEPTIONS.find(({ applies }) => applies(call, ours))?.name;
}

function shown(
  response: { readonly code: number; readonly text: string } | null | undefined,
): string {
  return response === null || response === undefined
    ? "no answer"
    : `${response.code} ${JSON.stringify(response.text)}`;
}

export const calls: Part<Call> = {
  about: "definitions and arguments, beside the C agent",
  peers: ["agent"],
  batch: 100,
  start(options) {
    const tally = makeTally();
    const room = makeRoom();
    const setting = { room, options, tally };
    let batch = 0;
    return Promise.resolve({
      make: callOf,
      run: (inputs) => run(setting, batch++, inputs),
      counts: tally.counts,
      [Symbol.asyncDispose]: () => Promise.resolve(room[Symbol.dispose]()),
    });
  },
  write: (call) => call,
  read: (written) => written as Call,
};
