/** Every call of a conversation fails once at each place, in several processes side by side. */
import type { Fault } from "../faults.ts";
import { makeRoom } from "../room.ts";
import { ERRORS, ERRORS_OF_CHILDREN, ERRORS_OF_LOOK_UPS } from "./calls.ts";
import { judge, type Judgement, type Observation } from "./judge.ts";
import { type ScenarioName, SCENARIOS } from "./scenarios.ts";
import { type Mode, type Occurrences, type Service, startService } from "./services.ts";

/** A part of the matrix: one mode, with or without TLS, and one pair of access tables. */
export interface Part {
  readonly mode: Mode;
  readonly tls: boolean;
  readonly scenario: ScenarioName;
}

/** The name of the address is looked up, and then the address of the name. */
const LOOK_UPS = [1, 2] as const;

/** What is to be tried. */
export interface Extent {
  /** The calls; all where they are not given. */
  readonly calls?: readonly string[] | undefined;
  /** How many errors of each call. */
  readonly errors?: number;
  /** How many agents are asked side by side. */
  readonly lanes?: number;
  /** Whether no more is to be tried. */
  readonly stopped?: () => boolean;
}

/** A fault and how it ended. */
export interface Trial extends Judgement {
  readonly fault: Fault;
  readonly seen: Observation;
}

/** Tries the faults of a part; each is reported as soon as it has been tried. */
export async function tryPart(
  { mode, tls, scenario }: Part,
  { calls, errors = Infinity, lanes = 4, stopped = () => false }: Extent,
  report: (trial: Trial) => void,
): Promise<void> {
  const begin = async () => {
    await using stack = new AsyncDisposableStack();
    const room = stack.use(makeRoom());
    const tables = SCENARIOS[scenario](room);
    const service = stack.use(await startService(mode, { room, tls, scenario: tables }));
    const lane = { service, tables, end: stack.move() };
    return lane;
  };
  const started = [await begin()];
  try {
    const occurrences = await started[0]!.service.count();
    const wanted = (call: string) => calls === undefined || calls.includes(call);
    const faults = faultsOf(occurrences, { mode, scenario }, errors).filter(({ call }) =>
      wanted(call)
    );
    const more = Math.min(lanes, Math.ceil(faults.length / 4)) - 1;
    started.push(...await Promise.all(Array.from({ length: Math.max(0, more) }, begin)));
    // The usual number of descriptors is known after that.
    await Promise.all(started.slice(1).map(({ service }) => service.count()));
    const run = async (service: Service, tables: Parameters<typeof judge>[2]) => {
      for (let fault = faults.shift(); fault !== undefined; fault = faults.shift()) {
        if (stopped()) return;
        const seen = await service.observe(fault);
        report({ fault, seen, ...judge(seen, fault, tables) });
      }
    };
    await Promise.all(started.map(({ service, tables }) => run(service, tables)));
  } finally {
    for (const { end } of started) await end.disposeAsync();
  }
}

function faultsOf(
  occurrences: ReadonlyMap<string, Occurrences>,
  { mode, scenario }: Pick<Part, "mode" | "scenario">,
  most: number,
): Fault[] {
  const faults: Fault[] = [];
  for (const [call, errors] of Object.entries(ERRORS)) {
    const { first, last } = occurrences.get(call) ?? { first: 1, last: 0 };
    for (const error of errors.slice(0, most)) {
      for (let when = first; when <= last; when++) faults.push({ call, error, when });
    }
  }
  if (mode !== "daemon") return faults;
  for (const [call, errors] of Object.entries(ERRORS_OF_CHILDREN)) {
    for (const error of errors.slice(0, most)) {
      faults.push({ call, error, when: 1, inChildren: true });
    }
  }
  if (!scenario.endsWith("by name")) return faults;
  for (const [call, errors] of Object.entries(ERRORS_OF_LOOK_UPS)) {
    for (const error of errors.slice(0, most)) {
      for (const when of LOOK_UPS) {
        faults.push({ call, error, when, inChildren: true, path: "/etc/hosts" });
      }
    }
  }
  return faults;
}
