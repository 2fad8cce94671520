/**
 * The name services of this host, asked for many clients by few processes.
 */
import { listenForChildren, onceEnded } from "../system/children.ts";
import { closeFile, now, SystemError } from "../system/libc.ts";
import { Signal } from "../system/linux.ts";
import { signalProgram } from "../system/process.ts";
import { adopt, type Stream } from "../system/stream.ts";
import { isKnownName, type Unanswered } from "../wrappers/request.ts";
import {
  askProcess,
  LOOK_UP_SECONDS,
  type LookUp,
  type LookUpAnswer,
  type LookUpProcess,
  NOT_ASKED,
  startLookUpProcess,
  TIMED_OUT,
  wordsOf,
} from "./look_up.ts";

/** How many processes ask at once about anybody; each has one question at a time. */
const MOST_PROCESSES = 4;
/** How many more ask about sources that have been admitted before. */
const KEPT_PROCESSES = 1;
/** How many questions of a kind of source wait for one of them. */
const MOST_WAITING = 1024;
/** How many admitted sources are remembered; the one that was admitted longest ago makes room. */
const MOST_ADMITTED = 4096;
/** After what time without a question a process is ended, in milliseconds. */
const IDLE_TIMEOUT = 10_000;
/** How old a process gets, in milliseconds: an old C library reads resolv.conf at the start alone. */
const LIFETIME = 60_000;

/**
 * How long answers are cached, in milliseconds. A name that leads back to its address hardly changes;
 * that there is none, or a wrong one, may be about to be mended.
 */
const CACHE_TIME = { name: 10_000, noName: 5_000, netgroup: 5_000 };
/** How many answers are cached; the oldest makes room. */
const MOST_CACHED = 4096;

const TOO_MANY: Unanswered = { unanswered: "too many names are being looked up" };

/** Asks the name services. */
export interface ResolverPool {
  /** A cached answer; undefined where there is none. */
  readonly cached: (question: LookUp) => string | undefined;
  /**
   * Settled {@link LOOK_UP_SECONDS} later at the latest. The same question asked meanwhile shares the
   * answer.
   * @param source The client for whom it is asked.
   */
  readonly ask: (question: LookUp, source: string) => Promise<LookUpAnswer>;
  /**
   * Remembers that a client has been admitted: the questions about it come first from now on. The many
   * that are refused, whose name servers may be silent, do not keep them waiting.
   */
  readonly admitted: (source: string) => void;
}

interface Waiting {
  readonly question: LookUp;
  /** In milliseconds of now(). */
  readonly deadline: number;
  readonly answer: (answer: LookUpAnswer) => void;
}

/** Questions that wait, and how many processes may have one meanwhile. */
interface Queue {
  readonly waiting: Set<Waiting>;
  readonly processes: number;
}

/** Makes a pool; processes are started when there are questions. */
export function makeResolverPool(): ResolverPool {
  const cache = new Map<string, { readonly answer: string; readonly until: number }>();
  const pending = new Map<string, Promise<LookUpAnswer>>();
  const known: Queue = { waiting: new Set(), processes: MOST_PROCESSES + KEPT_PROCESSES };
  const others: Queue = { waiting: new Set(), processes: MOST_PROCESSES };
  const admitted = new Set<string>();
  const idle: Resolver[] = [];
  let resolvers = 0;

  /** A process without a question; undefined where all have one, or there is none to be had. */
  const free = (most: number): Resolver | undefined => {
    if (resolvers - idle.length >= most) return undefined;
    for (let resolver = idle.pop(); resolver !== undefined; resolver = idle.pop()) {
      if (resolver.wake()) return resolver;
    }
    if (resolvers >= most) return undefined;
    const resolver = startResolver(() => {
      resolvers--;
      work();
    });
    if (resolver !== undefined) resolvers++;
    return resolver;
  };

  const work = () => {
    for (const { waiting, processes } of [known, others]) {
      for (const next of waiting) {
        const resolver = free(processes);
        // Those that there are come back for more; without any there is nothing to wait for.
        if (resolver === undefined && resolvers > 0) return;
        waiting.delete(next);
        if (resolver === undefined) next.answer(NOT_ASKED);
        else void give(resolver, next);
      }
    }
  };

  const give = async (resolver: Resolver, { question, deadline, answer }: Waiting) => {
    answer(await resolver.ask(question, deadline));
    if (resolver.rest()) idle.push(resolver);
    work();
  };

  const settle = (key: string, question: LookUp, answer: LookUpAnswer) => {
    pending.delete(key);
    if (typeof answer !== "string") return;
    const time = question.kind === "netgroup"
      ? CACHE_TIME.netgroup
      : isKnownName(answer)
      ? CACHE_TIME.name
      : CACHE_TIME.noName;
    cache.delete(key);
    for (const oldest of cache.keys()) {
      if (cache.size < MOST_CACHED) break;
      cache.delete(oldest);
    }
    cache.set(key, { answer, until: now() + time });
  };

  return {
    cached(question) {
      const entry = cache.get(keyOf(question));
      return entry !== undefined && now() < entry.until ? entry.answer : undefined;
    },
    ask(question, source) {
      const key = keyOf(question);
      const same = pending.get(key);
      if (same !== undefined) return same;
      const { waiting } = admitted.has(source) ? known : others;
      if (waiting.size >= MOST_WAITING) return Promise.resolve(TOO_MANY);
      const { promise, resolve } = Promise.withResolvers<LookUpAnswer>();
      const entry: Waiting = {
        question,
        deadline: now() + LOOK_UP_SECONDS * 1000,
        answer(answer) {
          clearTimeout(timer);
          settle(key, question, answer);
          resolve(answer);
        },
      };
      // As long as it waits; a process to which it is given has the deadline.
      const timer = setTimeout(() => {
        if (waiting.delete(entry)) entry.answer(TIMED_OUT);
      }, LOOK_UP_SECONDS * 1000);
      pending.set(key, promise);
      waiting.add(entry);
      work();
      return promise;
    },
    admitted(source) {
      admitted.delete(source);
      for (const oldest of admitted) {
        if (admitted.size < MOST_ADMITTED) break;
        admitted.delete(oldest);
      }
      admitted.add(source);
    },
  };
}

function keyOf(question: LookUp): string {
  return wordsOf(question).join("\0");
}

/** A look-up process of the pool. */
interface Resolver {
  readonly ask: (question: LookUp, deadline: number) => Promise<LookUpAnswer>;
  /** Keeps it for the next question, but not for long; false where it is ended. */
  readonly rest: () => boolean;
  /** Takes it from its rest; false where the process has ended. */
  readonly wake: () => boolean;
}

/**
 * @param ended Called when the process is no more, which may be some time after it was killed.
 * @returns undefined where no process can be started.
 */
function startResolver(ended: () => void): Resolver | undefined {
  listenForChildren();
  let process: LookUpProcess;
  try {
    process = startLookUpProcess();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return undefined;
  }
  const { started, fd } = process;
  let stream: Stream;
  try {
    stream = adopt(fd);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // It ends when its socket is closed.
    closeFile(fd);
    return undefined;
  }
  const born = now();
  let timer: Timer | undefined;
  let alive = true;
  let reaped = false;
  const end = () => {
    alive = false;
    stream.close();
    // It may wait for a name server, and notice nothing else.
    if (!reaped) signalProgram(started, Signal.kill, reaped);
  };
  onceEnded(started.pid, () => {
    reaped = true;
    end();
    ended();
  });
  return {
    async ask(question, deadline) {
      const answer = await askProcess(stream, question, deadline);
      if (answer === TIMED_OUT || answer === NOT_ASKED) end();
      return answer;
    },
    rest() {
      if (alive && now() - born >= LIFETIME) end();
      if (alive) timer = setTimeout(end, IDLE_TIMEOUT);
      return alive;
    },
    wake() {
      clearTimeout(timer);
      return alive;
    },
  };
}
