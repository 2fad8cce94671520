/**
 * The oracle: Debian's tcpdmatch, with what it only tells syslog.
 *
 * Runs in the private mount namespace that {@link file://./access_worker.ts} sets up.
 */
import type { Drain } from "./syslog_socket.ts";

/** What tcpdmatch says of one address of the client. */
export interface OracleVerdict {
  readonly address: string | null;
  readonly name: string | null;
  readonly user: string | null;
  readonly access: string;
}

/** What tcpdmatch does with a question. */
export interface OracleAnswer {
  /** Whether it gives a verdict (its exit status 0). */
  readonly answered: boolean;
  readonly verdicts: readonly OracleVerdict[];
  /**
   * The rules that decided, such as `allow 3`, in the order of the verdicts; a verdict that no rule
   * decided has none.
   */
  readonly rules: readonly string[];
  /**
   * The options that it came to, in order, with their values expanded; among them the one that was
   * wrong, unless it was refused for its name or its form.
   */
  readonly options: readonly string[];
  /** Everything that it logged, to explain a difference. */
  readonly log: readonly string[];
}

/** Asks tcpdmatch, with hosts.allow and hosts.deny of a directory. */
export function askTcpdmatch(
  directory: string,
  daemon: string,
  client: string,
  drain: Drain,
): OracleAnswer {
  const run = Bun.spawnSync(["tcpdmatch", "-d", daemon, client], {
    cwd: directory,
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const log = drain();
  if (run.exitCode !== 0) {
    if (run.exitCode !== 1) {
      throw new Error(`tcpdmatch ended with ${run.exitCode ?? run.signalCode}`);
    }
    return { answered: false, verdicts: [], rules: [], options: [], log };
  }
  const verdicts = verdictsIn(run.stdout.toString("latin1"));
  return { answered: true, verdicts, rules: rulesIn(log), options: optionsIn(log), log };
}

/** The verdicts that tcpdmatch prints. */
export function verdictsIn(stdout: string): readonly OracleVerdict[] {
  const blocks = stdout.split(/^access: +/m);
  const verdicts: OracleVerdict[] = [];
  for (let at = 1; at < blocks.length; at++) {
    const facts = blocks[at - 1]!;
    const access = /^\w+/.exec(blocks[at]!)![0];
    verdicts.push({
      address: field(facts, "client: +address"),
      name: field(facts, "client: +hostname"),
      user: field(facts, "client: +username"),
      access,
    });
  }
  return verdicts;
}

function field(text: string, label: string): string | null {
  return new RegExp(`^${label} +(.*)$`, "m").exec(text)?.[1] ?? null;
}

/** The rules that decided, from the lines that say so. */
export function rulesIn(log: readonly string[]): string[] {
  return log.flatMap((message) => {
    const found = /^matched: +hosts\.(allow|deny) line (\d+)/.exec(message);
    return found === null ? [] : [`${found[1]} ${found[2]}`];
  });
}

/** The options, from the lines that say so. */
export function optionsIn(log: readonly string[]): string[] {
  return log.flatMap((message) => {
    const found = /^option: +([a-z0-9]+) ([^]*)$/i.exec(message);
    return found === null ? [] : [optionText(found[1]!, found[2]!)];
  });
}

/** An option as both sides tell it: its name in lower case, and its value. */
export function optionText(name: string, value: string | null | undefined): string {
  return `${name.toLowerCase()} ${value ?? ""}`.trim();
}
