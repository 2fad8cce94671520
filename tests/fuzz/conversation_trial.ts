/** Clients that do anything, for agents that must stay sound: what plain conversations and TLS share. */
import { encodeQuery } from "../../lib/protocol/encode.ts";
import type { Response } from "../../lib/protocol/packet.ts";
import { VERSION } from "../../lib/version.ts";
import type { Random } from "../support/random.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { waitUntil } from "../support/wait_until.ts";
import { holdingsOf, startAgents, type Subject, unexpectedLine } from "./agents.ts";
import { type Ending, runClients, type Voice } from "./clients.ts";
import type { Difference } from "./differences.ts";
import { COMMANDS, type Plan } from "./packets.ts";
import { type Fault, makeTally, type Options, type Tally, type Trial } from "./part.ts";

/** What is tried. */
export interface Conversations<Input> {
  /** Lines of nrpe.cfg and options, of the agents and of the C agent. */
  readonly config: (room: Room) => string;
  readonly args: readonly string[];
  readonly make: (random: Random) => Input;
  /** A client that does what the input says. */
  readonly voice: (input: Input) => Voice;
  /**
   * What the client must get: a response or, with undefined, none; `left` if it goes away first, and
   * `as the C agent` where that one decides.
   */
  readonly expected: (input: Input) => Response | undefined | "left" | "as the C agent";
  /** By which difference two answers may differ. */
  readonly excuse: (
    input: Input,
    ours: Response | undefined,
    theirs: Response | undefined,
  ) => Difference | undefined;
  /** A client that does all right. */
  readonly goodVoice: (plan: Plan) => Voice;
}

/** How many inputs there are for each one that a mode gets: a process for each client takes its time. */
const EVERY = { daemon: 1, wait: 6, nowait: 100 } as const;
const AT_ONCE = { daemon: 24, wait: 24, nowait: 6 } as const;
const REFERENCE_AT_ONCE = 64;

/** How much more memory a process may have than after its first clients, in kilobytes. */
const MOST_GROWTH = 48 * 1024;

/** Starts the agents, in every mode. */
export async function startTrial<Input>(
  { referenceEvery }: Options,
  conversations: Conversations<Input>,
): Promise<Trial<Input>> {
  await using started = new AsyncDisposableStack();
  const room = started.use(makeRoom());
  const { config, args, make } = conversations;
  const agents = started.use(await startAgents(room, config(room), args));
  const tally = makeTally();
  const watched: Watched[] = [];
  let tried = 0;
  for (const subject of agents.subjects) {
    // The first clients fill caches, and start the wait service.
    const fault = askWell(subject, conversations);
    if (fault !== undefined) throw new Error(`${subject.mode}: ${fault}`);
    await settle(subject, undefined);
    subject.log();
    const pid = subject.pid();
    watched.push({
      subject,
      pid,
      before: pid === undefined ? undefined : holdingsOf(pid),
      memory: 0,
    });
  }
  const running = started.move();
  return {
    make,
    counts: tally.counts,
    async run(inputs, everywhere) {
      const numbered = inputs.map((input, at) => ({ input, number: tried + at }));
      tried += inputs.length;
      const faults: Fault<Input>[] = [];
      const referred = numbered.filter(({ number }) => everywhere || number % referenceEvery === 0);
      const theirs = new Map(
        runClients(
          agents.reference,
          referred.map(({ input }) => conversations.voice(input)),
          { atOnce: REFERENCE_AT_ONCE, exact: false },
        ).map((ending, at) => [referred[at]!.number, ending]),
      );
      for (const one of watched) {
        const { subject } = one;
        const mine = numbered.filter(({ number }) =>
          everywhere || number % EVERY[subject.mode] === 0
        );
        const endings = runClients(
          subject.port,
          mine.map(({ input }) => conversations.voice(input)),
          { atOnce: AT_ONCE[subject.mode], exact: true, meanwhile: subject.drain },
        );
        tally.add(subject.mode, mine.length);
        mine.forEach(({ input, number }, at) => {
          const what = judge(input, endings[at]!, theirs.get(number), conversations, tally);
          if (what !== undefined) faults.push({ what: `${subject.mode}: ${what}`, input });
        });
        const what = await unsound(one, conversations);
        if (what !== undefined) faults.push({ what: `${subject.mode}: ${what}`, input: undefined });
      }
      return faults;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A subject, and what it held before anybody misbehaved. */
interface Watched {
  readonly subject: Subject;
  readonly pid: number | undefined;
  readonly before: { readonly descriptors: number; readonly children: number } | undefined;
  memory: number;
}

/** What is wrong with what a client got; undefined where nothing is. */
function judge<Input>(
  input: Input,
  ending: Ending,
  reference: Ending | undefined,
  { expected, excuse }: Conversations<Input>,
  tally: Tally,
): string | undefined {
  if (ending.kind === "fault") return ending.what;
  const wanted = expected(input);
  tally.add(ending.kind);
  if (ending.kind === "left" || wanted === "left") return undefined;
  const ours = ending.kind === "answered" ? ending.response : undefined;
  if (wanted !== "as the C agent" && !isSame(ours, wanted)) {
    return `the client got ${shown(ours)}, and not ${shown(wanted)}`;
  }
  if (reference === undefined || reference.kind === "left") return undefined;
  const theirs = reference.kind === "answered" ? withOurVersion(reference.response) : undefined;
  tally.add("compared");
  if (isSame(ours, theirs)) return undefined;
  const difference = excuse(input, ours, theirs);
  if (difference === undefined) {
    const also = reference.kind === "fault" ? ` (${reference.what})` : "";
    return `the client got ${shown(ours)}, and ${shown(theirs)} of the C agent${also}`;
  }
  tally.add(`different: ${difference}`);
  return undefined;
}

function withOurVersion(response: Response): Response {
  const { code, text } = response;
  return code === 0 && /^NRPE v[0-9.]+$/.test(text)
    ? { ...response, text: `NRPE v${VERSION}` }
    : response;
}

function isSame(one: Response | undefined, other: Response | undefined): boolean {
  return one?.version === other?.version && one?.code === other?.code && one?.text === other?.text;
}

function shown(response: Response | undefined): string {
  if (response === undefined) return "no answer";
  const { version, code, text } = response;
  const short = text.length > 100 ? `${text.slice(0, 100)}... (${text.length} bytes)` : text;
  return `v${version} ${code} ${JSON.stringify(short)}`;
}

/** What is wrong with an agent after its clients have gone. */
async function unsound<Input>(
  one: Watched,
  conversations: Conversations<Input>,
): Promise<string | undefined> {
  const { subject, pid, before } = one;
  const what = askWell(subject, conversations);
  if (what !== undefined) return `a good client afterwards: ${what}`;
  if (pid !== subject.pid()) return `the process ${pid} has ended`;
  try {
    await settle(subject, before);
    if (pid !== undefined) {
      const { memory } = holdingsOf(pid);
      one.memory ||= memory;
      if (memory > one.memory + MOST_GROWTH) {
        const limit = one.memory + MOST_GROWTH;
        await waitUntil(`no more than ${limit} KB`, () => holdingsOf(pid).memory <= limit);
      }
    }
  } catch (error) {
    const now = pid === undefined ? subject.processes() : holdingsOf(pid);
    return `${(error as Error).message}: ${JSON.stringify({ before, now })}`;
  }
  const line = unexpectedLine(subject.log());
  return line && `it logged: ${line}`;
}

/** Waits until all clients have gone. */
async function settle(subject: Subject, before: Watched["before"]): Promise<void> {
  await waitUntil("the agent is back where it was", () => {
    subject.drain();
    const pid = subject.pid();
    if (pid === undefined) return subject.processes().length === 0;
    const { descriptors, children } = holdingsOf(pid);
    return before === undefined
      ? children === 0
      : descriptors <= before.descriptors && children <= before.children;
  });
}

/** Asks as a good client does, in every version; returns what is wrong with the answers. */
function askWell<Input>(
  subject: Subject,
  { goodVoice }: Conversations<Input>,
): string | undefined {
  const { code, text } = COMMANDS["hello"]!;
  const questions = ([2, 3, 4] as const).flatMap((version) =>
    [
      { version, ask: "_NRPE_CHECK", want: { version, code: 0, text: `NRPE v${VERSION}` } },
      { version, ask: "hello", want: { version, code, text } },
    ] as const
  );
  const asked = subject.mode === "nowait" ? questions.slice(-2) : questions;
  const voices = asked.map(({ version, ask }) =>
    goodVoice([{ do: "send", bytes: encodeQuery({ version, text: ask }) }])
  );
  const endings = runClients(subject.port, voices, {
    atOnce: asked.length,
    exact: true,
    meanwhile: subject.drain,
  });
  for (const [at, ending] of endings.entries()) {
    const ours = ending.kind === "answered" ? ending.response : undefined;
    const { ask, want } = asked[at]!;
    if (!isSame(ours, want)) {
      return `asked ${ask} and got ${ending.kind === "fault" ? ending.what : shown(ours)}`;
    }
  }
  return undefined;
}
