/**
 * The name services of this host, asked for many clients by few processes.
 */
import { decodeBytes, encodeBytes } from "../bytes.ts";
import { pluginEnvironment } from "../command/environment.ts";
import { listenForChildren, onceEnded } from "../system/children.ts";
import { closeFile, now, SystemError } from "../system/libc.ts";
import { Signal } from "../system/linux.ts";
import { signalProgram, type Started, startProgram } from "../system/process.ts";
import { socketPair } from "../system/socket.ts";
import { adopt } from "../system/stream.ts";
import { isKnownName, type Unanswered } from "../wrappers/request.ts";
import {
  decodeAnswer,
  LOOK_UP_SECONDS,
  type LookUp,
  type LookUpAnswer,
  lookUpProgram,
  NOT_ASKED,
  TIMED_OUT,
  wordsOf,
} from "./look_up.ts";

/** How many processes ask at once; each has one question at a time. */
const MOST_ASKERS = 4;
/** How many questions wait for one of them. */
const MOST_WAITING = 1024;
/** After what time without a question a process is ended, in milliseconds. */
const IDLE = 10_000;
/** How old a process gets, in milliseconds: an old C library reads resolv.conf at the start alone. */
const LIFE = 60_000;

/**
 * How long answers hold, in milliseconds. A name that leads back to its address hardly changes; that
 * there is none, or a wrong one, may be about to be mended.
 */
const KEPT = { name: 10_000, noName: 5_000, netgroup: 5_000 };
/** How many answers are kept; the oldest makes room. */
const MOST_KEPT = 4096;

const TOO_MANY: Unanswered = { unanswered: "too many names are being looked up" };

/** Asks the name services. */
export interface NameServices {
  /** An answer that still holds; undefined where there is none. */
  readonly known: (question: LookUp) => string | undefined;
  /** Settled {@link LOOK_UP_SECONDS} later at the latest. Who asks the same meanwhile shares the answer. */
  readonly ask: (question: LookUp) => Promise<LookUpAnswer>;
}

interface Inquiry {
  readonly question: LookUp;
  /** When it is given up, in milliseconds of {@link now}. */
  readonly deadline: number;
  readonly answer: (answer: LookUpAnswer) => void;
}

/** Makes somebody who asks; processes are started when there are questions. */
export function nameServices(): NameServices {
  const kept = new Map<string, { readonly answer: string; readonly until: number }>();
  const pending = new Map<string, Promise<LookUpAnswer>>();
  const waiting = new Set<Inquiry>();
  const resting: Asker[] = [];
  let askers = 0;

  /** A process that is free; undefined where all have questions, or there is none to be had. */
  const free = (): Asker | undefined => {
    for (let asker = resting.pop(); asker !== undefined; asker = resting.pop()) {
      if (asker.wake()) return asker;
    }
    if (askers === MOST_ASKERS) return undefined;
    const asker = startAsker(() => {
      askers--;
      work();
    });
    if (asker !== undefined) askers++;
    return asker;
  };

  const work = () => {
    for (const inquiry of waiting) {
      const asker = free();
      // Those that there are come back for more; without any there is nothing to wait for.
      if (asker === undefined && askers > 0) return;
      waiting.delete(inquiry);
      if (asker === undefined) inquiry.answer(NOT_ASKED);
      else void give(asker, inquiry);
    }
  };

  const give = async (asker: Asker, { question, deadline, answer }: Inquiry) => {
    answer(await asker.ask(question, deadline));
    if (asker.rest()) resting.push(asker);
    work();
  };

  const keep = (key: string, question: LookUp, answer: LookUpAnswer) => {
    pending.delete(key);
    if (typeof answer !== "string") return;
    const time = question.kind === "netgroup"
      ? KEPT.netgroup
      : isKnownName(answer)
      ? KEPT.name
      : KEPT.noName;
    kept.delete(key);
    for (const oldest of kept.keys()) {
      if (kept.size < MOST_KEPT) break;
      kept.delete(oldest);
    }
    kept.set(key, { answer, until: now() + time });
  };

  return {
    known(question) {
      const answer = kept.get(keyOf(question));
      return answer !== undefined && now() < answer.until ? answer.answer : undefined;
    },
    ask(question) {
      const key = keyOf(question);
      const same = pending.get(key);
      if (same !== undefined) return same;
      if (waiting.size >= MOST_WAITING) return Promise.resolve(TOO_MANY);
      const { promise, resolve } = Promise.withResolvers<LookUpAnswer>();
      const inquiry: Inquiry = {
        question,
        deadline: now() + LOOK_UP_SECONDS * 1000,
        answer(answer) {
          clearTimeout(timer);
          keep(key, question, answer);
          resolve(answer);
        },
      };
      // As long as it waits; once it is given to a process, that has the deadline.
      const timer = setTimeout(() => {
        if (waiting.delete(inquiry)) inquiry.answer(TIMED_OUT);
      }, LOOK_UP_SECONDS * 1000);
      pending.set(key, promise);
      waiting.add(inquiry);
      work();
      return promise;
    },
  };
}

function keyOf(question: LookUp): string {
  return wordsOf(question).join("\0");
}

/** A process that answers questions, one at a time. */
interface Asker {
  readonly ask: (question: LookUp, deadline: number) => Promise<LookUpAnswer>;
  /** Lets it wait for another question, but not for long; false where it has none to wait for. */
  readonly rest: () => boolean;
  /** Ends its rest; false where the process has ended. */
  readonly wake: () => boolean;
}

/**
 * @param ended Called when the process is no more, which may be some time after it was ended.
 * @returns undefined where no process can be started.
 */
function startAsker(ended: () => void): Asker | undefined {
  let own: number;
  let started: Started;
  try {
    ({ own, started } = startProcess());
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
  const stream = adopt(own);
  const born = now();
  let timer: Timer | undefined;
  let alive = true;
  let reaped = false;
  const end = () => {
    alive = false;
    stream.close();
    // It may wait for a name server, and hear of nothing else.
    if (!reaped) signalProgram(started, Signal.kill, reaped);
  };
  onceEnded(started.pid, () => {
    reaped = true;
    end();
    ended();
  });
  return {
    async ask(question, deadline) {
      await stream.send(encodeBytes(wordsOf(question).map((word) => `${word}\0`).join("")));
      for (let text = "";;) {
        const arrival = await stream.receive(deadline);
        if (arrival.kind !== "bytes") {
          end();
          return arrival.kind === "timed out" ? TIMED_OUT : NOT_ASKED;
        }
        text += decodeBytes(arrival.bytes);
        if (text.endsWith("\0")) return decodeAnswer(text.slice(0, -1));
      }
    },
    rest() {
      if (alive && now() - born >= LIFE) end();
      if (alive) timer = setTimeout(end, IDLE);
      return alive;
    },
    wake() {
      clearTimeout(timer);
      return alive;
    },
  };
}

/**
 * Starts the process, connected with this one by a socket.
 * @throws {SystemError} when there is none to be had.
 */
function startProcess(): { readonly own: number; readonly started: Started } {
  listenForChildren();
  const [own, theirs] = socketPair();
  try {
    const start = { ...lookUpProgram([]), environment: pluginEnvironment() };
    return { own, started: startProgram(start, theirs, theirs) };
  } catch (error) {
    closeFile(own);
    throw error;
  } finally {
    closeFile(theirs);
  }
}
