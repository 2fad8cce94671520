/** Which samples are compared with which, and the goals. */
import { type Comparison, type Goal, isMet, type Unit } from "./outcome.ts";
import { QUESTIONS } from "./sides.ts";
import { ratioOf, summarise } from "./statistics.ts";

/** Measured values by side and subject, see {@link sampleKey}. */
export type Samples = Map<string, number[]>;

/** The key of a side's samples. */
export function sampleKey(side: string, subject: string): string {
  return `${side} / ${subject}`;
}

/** Adds values to a side's samples. */
export function addSamples(
  samples: Samples,
  side: string,
  subject: string,
  values: readonly number[],
): void {
  const key = sampleKey(side, subject);
  const known = samples.get(key);
  if (known === undefined) samples.set(key, [...values]);
  else known.push(...values);
}

interface Case {
  readonly title: string;
  readonly subject: string;
  readonly own: string;
  readonly peer: string;
  readonly unit: Unit;
  readonly goal: Goal | null;
}

/** How many rules the access tables have. */
export const RULE_COUNTS = [10, 1_000, 10_000, 100_000] as const;
/** The number of rules that has a goal. */
const RULES_WITH_GOAL = 10_000;

/** The name of a number of rules in the figures. */
export function rulesSubject(count: number): string {
  return `${count.toLocaleString("en")} rules`;
}

const atMost = (ratio: number): Goal => ({ kind: "at most", ratio });
const atLeast = (ratio: number): Goal => ({ kind: "at least", ratio });

const CONVERSATIONS: readonly Omit<Case, "subject">[] = [
  {
    title: "inetd nowait, plain, access rules",
    own: "nowait",
    peer: "tcpd + C",
    unit: "ms",
    goal: atMost(0.9),
  },
  {
    title: "inetd nowait, plain, access rules",
    own: "nowait",
    peer: "C",
    unit: "ms",
    goal: atMost(1.1),
  },
  {
    title: "inetd nowait, TLS 1.3, access rules",
    own: "nowait TLS",
    peer: "C TLS",
    unit: "ms",
    goal: atMost(0.25),
  },
  {
    title: "inetd wait, plain, access rules",
    own: "wait",
    peer: "tcpd + C",
    unit: "ms",
    goal: atMost(0.25),
  },
  {
    title: "inetd wait, a process's first check",
    own: "first of wait",
    peer: "nowait",
    unit: "ms",
    goal: atMost(1),
  },
  {
    title: "daemon, plain, 16 at once",
    own: "daemon",
    peer: "C daemon",
    unit: "per second",
    goal: atLeast(2.5),
  },
  {
    title: "daemon, TLS 1.3, 16 at once",
    own: "daemon TLS",
    peer: "C daemon TLS",
    unit: "per second",
    goal: atLeast(3),
  },
  {
    title: "daemon, plain, 16 at once",
    own: "daemon",
    peer: "posix_spawn",
    unit: "per second",
    goal: atLeast(0.7),
  },
];

const AS_USERS_FEEL_IT: readonly Case[] = [
  {
    title: "check_nrpe -n, whole process, inetd nowait",
    subject: "echo",
    own: "check_nrpe to nowait",
    peer: "check_nrpe to tcpd + C",
    unit: "ms",
    goal: null,
  },
  {
    title: "check_nrpe, whole process, inetd nowait, TLS",
    subject: "echo",
    own: "check_nrpe to nowait TLS",
    peer: "check_nrpe to C TLS",
    unit: "ms",
    goal: null,
  },
];

const WHOLE_PROCESSES: readonly Case[] = [
  ...RULE_COUNTS.map((count): Case => ({
    title: "--check-access, whole process",
    subject: rulesSubject(count),
    own: "--check-access",
    peer: "tcpdmatch",
    unit: "ms",
    goal: count === RULES_WITH_GOAL ? atMost(1) : null,
  })),
  {
    title: "-V, whole process",
    subject: "start",
    own: "-V",
    peer: "empty program",
    unit: "ms",
    goal: atMost(1.25),
  },
  {
    title: "-V, whole process",
    subject: "start",
    own: "-V",
    peer: "C agent's -V",
    unit: "ms",
    goal: null,
  },
];

const CASES: readonly Case[] = [
  ...CONVERSATIONS.flatMap((conversation) =>
    Object.keys(QUESTIONS).map((subject): Case => ({ ...conversation, subject }))
  ),
  ...AS_USERS_FEEL_IT,
  ...WHOLE_PROCESSES,
];

/**
 * Compares all sides.
 * @throws {RangeError} if something has not been measured.
 */
export function compare(samples: Samples): Comparison[] {
  return CASES.map(({ title, subject, own, peer, unit, goal }) => {
    const summary = (side: string) =>
      summarise(samples.get(sampleKey(side, subject)) ?? [], unit === "ms" ? "low" : "high");
    const ours = summary(own);
    const theirs = summary(peer);
    const ratio = ratioOf(ours, theirs);
    const met = goal === null ? null : isMet(goal, ratio.value);
    return { title, subject, peer, unit, own: ours, theirs, ratio, goal, met };
  });
}
