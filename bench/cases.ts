/** Which samples are compared with which, and the goals. */
import type { Part } from "./extent.ts";
import type { Goal, Relation, Unit } from "./outcome.ts";

/** A row of the figures for each of its subjects. */
export interface Case {
  readonly part: Part;
  readonly title: string;
  readonly own: string;
  readonly peer: string;
  readonly unit: Unit;
  /** A ratio, where it is missing. */
  readonly relation?: Relation;
  /** Whether a process of this agent is started for each value. */
  readonly starts?: true;
  readonly goals: Readonly<Record<string, Goal | null>>;
}

const atMost = (value: number): Goal => ({ kind: "at most", value });
const atLeast = (value: number): Goal => ({ kind: "at least", value });
const both = (goal: Goal) => ({ echo: goal, check_load: goal });

/** All rows, in the order of the figures. */
export const CASES: readonly Case[] = [
  {
    part: "conversations",
    title: "inetd nowait, plain, access rules",
    own: "nowait",
    peer: "tcpd + C",
    unit: "ms",
    starts: true,
    goals: both(atMost(1.1)),
  },
  {
    part: "conversations",
    title: "inetd nowait, plain, access rules",
    own: "nowait",
    peer: "C",
    unit: "ms",
    starts: true,
    goals: both(atMost(1.1)),
  },
  {
    part: "conversations",
    title: "inetd nowait, TLS 1.3, access rules",
    own: "nowait TLS",
    peer: "C TLS",
    unit: "ms",
    starts: true,
    goals: both(atMost(0.25)),
  },
  {
    part: "conversations",
    title: "inetd wait, plain, access rules",
    own: "wait",
    peer: "tcpd + C",
    unit: "ms",
    goals: both(atMost(0.25)),
  },
  {
    part: "conversations",
    title: "inetd wait, a process's first check",
    own: "first of wait",
    peer: "nowait",
    unit: "ms",
    starts: true,
    goals: both(atMost(1)),
  },
  {
    part: "daemons",
    title: "daemon, plain, 16 at once",
    own: "daemon",
    peer: "C daemon",
    unit: "per second",
    goals: both(atLeast(2.5)),
  },
  {
    part: "daemons",
    title: "daemon, TLS 1.3, 16 at once",
    own: "daemon TLS",
    peer: "C daemon TLS",
    unit: "per second",
    goals: both(atLeast(3)),
  },
  {
    part: "daemons",
    title: "daemon, plain, 16 at once",
    own: "daemon",
    peer: "posix_spawn",
    unit: "per second",
    goals: { echo: atLeast(0.75), check_load: atLeast(0.92) },
  },
  {
    part: "daemons",
    title: "daemon, TLS 1.3, 16 at once",
    own: "daemon TLS",
    peer: "daemon",
    unit: "per second",
    goals: { echo: null, check_load: atLeast(0.9) },
  },
  {
    part: "conversations",
    title: "check_nrpe -n, whole process, inetd nowait",
    own: "check_nrpe to nowait",
    peer: "check_nrpe to tcpd + C",
    unit: "ms",
    starts: true,
    goals: { echo: null },
  },
  {
    part: "conversations",
    title: "check_nrpe, whole process, inetd nowait, TLS",
    own: "check_nrpe to nowait TLS",
    peer: "check_nrpe to C TLS",
    unit: "ms",
    starts: true,
    goals: { echo: null },
  },
  {
    part: "growth",
    title: "inetd nowait, nrpe.cfg of 2,000 commands",
    own: "nowait, 2,000 commands",
    peer: "nowait, 3 commands",
    unit: "ms",
    relation: "difference",
    starts: true,
    goals: { echo: atMost(0.5) },
  },
  {
    part: "growth",
    title: "inetd nowait, nrpe.cfg of 2,000 commands",
    own: "nowait, 2,000 commands",
    peer: "C, 2,000 commands",
    unit: "ms",
    starts: true,
    goals: { echo: null },
  },
  {
    part: "growth",
    title: "inetd nowait, 10,000 access rules",
    own: "nowait, 10,000 rules",
    peer: "nowait, 3 rules",
    unit: "ms",
    relation: "difference",
    starts: true,
    goals: { echo: null },
  },
  {
    part: "growth",
    title: "daemon, one connection, 10,000 access rules",
    own: "daemon, 10,000 rules",
    peer: "daemon, 3 rules",
    unit: "ms",
    relation: "difference",
    goals: { echo: null },
  },
  {
    part: "processes",
    title: "--check-access, whole process",
    own: "--check-access",
    peer: "tcpdmatch",
    unit: "ms",
    starts: true,
    goals: {
      "10 rules": null,
      "1,000 rules": null,
      "10,000 rules": atMost(1),
      "100,000 rules": null,
    },
  },
  {
    part: "processes",
    title: "-V, whole process",
    own: "-V",
    peer: "empty program",
    unit: "ms",
    starts: true,
    goals: { start: atMost(1.25) },
  },
  {
    part: "processes",
    title: "-V, whole process",
    own: "-V",
    peer: "C agent's -V",
    unit: "ms",
    starts: true,
    goals: { start: null },
  },
  {
    part: "faults",
    title: "-V, page faults",
    own: "-V",
    peer: "empty program",
    unit: "faults",
    relation: "difference",
    starts: true,
    goals: { start: null },
  },
  {
    part: "faults",
    title: "nowait, plain, access rules, page faults",
    own: "nowait",
    peer: "empty program",
    unit: "faults",
    relation: "difference",
    starts: true,
    goals: { echo: atMost(150) },
  },
  {
    part: "faults",
    title: "wait, page faults until the first response",
    own: "first of wait",
    peer: "empty program",
    unit: "faults",
    relation: "difference",
    starts: true,
    goals: { echo: null },
  },
];
