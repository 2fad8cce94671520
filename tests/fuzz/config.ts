/** nrpe.cfg, changed in every way: both readings of it, --check-config, the agent and the C agent. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeBytes } from "../../lib/bytes.ts";
import type { Config, ConfigResult } from "../../lib/config/config.ts";
import { loadConfig } from "../../lib/config/load_config.ts";
import { loadForOneCommand } from "../../lib/config/load_for_one_command.ts";
import type { ConfigFiles } from "../../lib/config/draft.ts";
import { DIRECTIVES } from "../../lib/config/settings.ts";
import { explainFindings } from "../../lib/diagnose/config/loader_findings.ts";
import { SystemError } from "../../lib/system/libc.ts";
import { startAgent } from "../support/agent.ts";
import { PEERS } from "../support/peers.ts";
import { makeRoom, type Room } from "../support/room.ts";
import { type ConfigTexts, configTexts } from "./config_text.ts";
import { makeTally, type Part, type Tally } from "./part.ts";

/** Of how many inputs one is given to processes. */
const EVERY = 50;

/** Names that nobody has defined, and that a careless search would find. */
const STRANGE_NAMES = ["", "]", "a]b", "a=b", "a]=x\ncommand[b", "\xa0", "constructor", "x"];

/** The files in memory, below a directory. */
function filesIn(directory: string, texts: ConfigTexts): ConfigFiles {
  const names = Object.keys(texts).map((name) => `${directory}/${name}`);
  const usual = (path: string) => path.replaceAll(/\/+/g, "/").replace(/\/$/, "");
  const isDirectory = (path: string) => names.some((name) => name.startsWith(`${path}/`));
  const missing = { kind: "missing", reason: "No such file or directory" } as const;
  return {
    read(path) {
      if (path.includes("\0")) return missing;
      const text = texts[usual(path).slice(directory.length + 1)];
      if (usual(path).startsWith(`${directory}/`) && text !== undefined) {
        return { kind: "content", content: text.replaceAll("@DIR@", directory) };
      }
      return isDirectory(usual(path)) ? { kind: "failure", reason: "Is a directory" } : missing;
    },
    list(path) {
      const where = usual(path);
      if (names.includes(where)) return { kind: "failure", reason: "Not a directory" };
      if (!isDirectory(where)) return missing;
      const within = names.filter((name) => name.startsWith(`${where}/`))
        .map((name) => name.slice(where.length + 1));
      const directories = within.filter((name) => name.includes("/")).map((name) =>
        name.split("/")[0]!
      );
      const files = within.filter((name) => !name.includes("/"));
      return {
        kind: "content",
        content: { files, directories: [...new Set(directories)], odd: [] },
      };
    },
    identify: usual,
  };
}

/** What is wrong with the readings of some files; undefined where nothing is. */
async function wrongWith(texts: ConfigTexts, tally: Tally): Promise<string | undefined> {
  const directory = "/etc/nagios";
  const path = `${directory}/nrpe.cfg`;
  const files = filesIn(directory, texts);
  const whole = loadConfig(path, files);
  const one = await loadForOneCommand(path, files);
  tally.add(whole.kind === "config" ? "loads" : "does not load");
  const problem = wrongFinding(whole, path, files);
  if (problem !== undefined) return problem;
  if (whole.kind === "failure") {
    return one === undefined ? undefined : "it loads for one command, and has errors";
  }
  if (one === undefined) {
    return whole.config.debug ? undefined : "it does not load for one command, and has no errors";
  }
  return disagreement(whole.config, one, [...whole.config.commands.keys(), ...STRANGE_NAMES]);
}

/** Where two readings of one file differ. */
function disagreement(whole: Config, one: Config, names: readonly string[]): string | undefined {
  for (const name in DIRECTIVES) {
    const [all, some] = [whole, one].map((config) => config[name as keyof typeof DIRECTIVES]);
    if (!Bun.deepEquals(all, some)) {
      return `${name} is ${JSON.stringify(all)}, and ${JSON.stringify(some)} for one command`;
    }
  }
  if (!Bun.deepEquals(whole.positions, one.positions)) return "the positions differ";
  if (!Bun.deepEquals(whole.commandSettings, one.commandSettings)) {
    return "the settings of commands differ";
  }
  if (!Bun.deepEquals(whole.directories, one.directories)) return "the directories differ";
  for (const name of names) {
    const [all, some] = [whole.commands.get(name), one.commands.get(name)];
    if (!Bun.deepEquals(all, some)) {
      return `command[${name}] is ${JSON.stringify(all)}, and ${JSON.stringify(some)} for one`;
    }
  }
  return undefined;
}

/** A finding whose line does not exist, or that cannot be explained. */
function wrongFinding(
  { kind, findings }: ConfigResult,
  path: string,
  files: ConfigFiles,
): string | undefined {
  if (kind === "failure" && !findings.some(({ severity }) => severity === "error")) {
    return "it does not load, and no error says why";
  }
  if (kind === "config" && findings.some(({ severity }) => severity === "error")) {
    return "it loads, and has an error";
  }
  const linesOf = (file: string): readonly string[] => {
    const result = files.read(file);
    return result.kind === "content" ? result.content.split("\n") : [];
  };
  for (const { code, position: { file, line } } of findings) {
    const isAboutAll = file === path && line === 0;
    if (!isAboutAll && (line < 1 || line > linesOf(file).length)) {
      return `${code} is about line ${line} of ${file}, which has ${linesOf(file).length}`;
    }
  }
  explainFindings(findings, ({ file, line }) => linesOf(file)[line - 1] ?? "");
  return undefined;
}

/** Writes the files, where every user can read them; returns the path of the first. */
function write(room: Room, number: number, texts: ConfigTexts): string {
  const directory = join(room.path, `${number}`);
  for (const [name, text] of Object.entries(texts)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, encodeBytes(text.replaceAll("@DIR@", directory)));
  }
  return join(directory, "nrpe.cfg");
}

/** What the processes make of the files. */
async function wrongWithProcesses(
  room: Room,
  number: number,
  texts: ConfigTexts,
  tally: Tally,
): Promise<string | undefined> {
  const path = write(room, number, texts);
  const directory = dirname(path);
  try {
    const loads = loadConfig(path, filesIn(directory, texts)).kind === "config";
    const [agent, reference, loadOnly, check] = await Promise.all([
      statusOfAgent(room.binary, path),
      statusOfAgent(PEERS.agent.path, path),
      checked(room, path, "--load-only"),
      checked(room, path, "--json"),
    ]);
    tally.add("given to processes");
    if (agent !== (loads ? 0 : 2)) return `the agent ended with ${agent}; loads: ${loads}`;
    if (loadOnly.status !== (loads ? 0 : 2)) {
      return `--check-config --load-only ended with ${loadOnly.status}; loads: ${loads}`;
    }
    const trouble = wrongReport(check, loads) ?? (check.error || loadOnly.error || undefined);
    if (trouble !== undefined) return `--check-config: ${trouble}`;
    if ((reference === 0) === loads) return undefined;
    const difference = excuseFor(directory, texts, loads);
    if (difference === undefined) {
      return `the C agent ended with ${reference}, and here it loads: ${loads}`;
    }
    tally.add(`different: ${difference}`);
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The exit status of an agent that inetd starts for a client: 2 where it cannot serve. */
async function statusOfAgent(binary: string, path: string): Promise<number> {
  const agent = startAgent(binary, ["-n", "-c", path, "-i"]);
  try {
    agent.endSending();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
  await agent.received();
  return await agent.exited;
}

interface Checked {
  readonly status: number;
  readonly output: string;
  readonly error: string;
}

async function checked(room: Room, path: string, option: string): Promise<Checked> {
  const check = Bun.spawn([room.binary, "--check-config", "-n", "-i", option, "-c", path], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/",
  });
  const [output, error] = await Promise.all([check.stdout.text(), check.stderr.text()]);
  return { status: await check.exited, output, error };
}

/** What is wrong with a report in JSON. */
function wrongReport({ status, output }: Checked, loads: boolean): string | undefined {
  if (status > 2) return `it ended with ${status}`;
  let worst = 0;
  for (const line of output.trimEnd().split("\n")) {
    const { severity, code, line: number } = JSON.parse(line);
    if (severity === "error") worst = 2;
    if (severity === "warning" && worst < 1) worst = 1;
    if (typeof number === "number" && number < 0) return `${code} is about line ${number}`;
  }
  if (!loads && worst < 2) return "no error says why it does not load";
  return status === worst ? undefined : `it ended with ${status}, and the worst is ${worst}`;
}

/** A difference from the C agent in whether a file loads; see docs/differences.md. */
interface Exception {
  readonly name: string;
  readonly why: string;
  readonly applies: (lines: readonly string[], loads: boolean) => boolean;
}

const OWN = Object.keys(DIRECTIVES).slice(Object.keys(DIRECTIVES).indexOf("tcp_wrappers"));

/** The longest line that the C agent reads as one, in bytes. */
const LONGEST_C_LINE = 2046;

const EXCEPTIONS: readonly Exception[] = [
  {
    name: "long line",
    why: "the C agent reads a line of more than 2046 bytes as several",
    applies: (lines) => lines.some((line) => line.length > LONGEST_C_LINE),
  },
  {
    name: "NUL byte",
    why: "the C agent does not read what follows a NUL byte in a line",
    applies: (lines, loads) => !loads && lines.some((line) => line.includes("\0")),
  },
  {
    name: "include",
    why:
      "the C agent goes on without what it cannot read, and without the rest of a file with an error",
    applies: (lines, loads) => !loads && lines.some((line) => /^[ \t]*include/.test(line)),
  },
  {
    name: "blank before =",
    why: "the C agent takes the blank as a part of the name, and the directive as unknown",
    applies: (lines, loads) =>
      !loads && lines.some((line) => /^[^#=]*[^#=\s][ \t\v\f\r]+=/.test(line)),
  },
  {
    name: "own directive",
    why: "the C agent does not know the directive",
    applies: (lines, loads) =>
      !loads && lines.some((line) => OWN.some((name) => line.trim().startsWith(`${name}=`))),
  },
  {
    name: "number that is no int",
    why: "the C agent takes the lowest bits",
    applies: (lines, loads) =>
      !loads && lines.some((line) => Number(/=[ \t]*([0-9]+)/.exec(line)?.[1]) > 0x7fffffff),
  },
  {
    name: "address family",
    why: "the C agent takes a family that it does not know as any",
    applies: (lines, loads) => !loads && lines.some((line) => /^\s*address_family=/.test(line)),
  },
];

function excuseFor(directory: string, texts: ConfigTexts, loads: boolean): string | undefined {
  const lines = Object.values(texts).flatMap((text) =>
    text.replaceAll("@DIR@", directory).split("\n")
  );
  return EXCEPTIONS.find(({ applies }) => applies(lines, loads))?.name;
}

export const config: Part<ConfigTexts> = {
  about: "nrpe.cfg, read twice, checked, and beside the C agent",
  peers: ["agent"],
  batch: 500,
  start() {
    const tally = makeTally();
    const room = makeRoom();
    let tried = 0;
    return Promise.resolve({
      make: configTexts,
      async run(inputs, everywhere) {
        const faults = await Promise.all(inputs.map(async (input) => {
          const number = tried++;
          try {
            const what = await wrongWith(input, tally) ??
              (everywhere || number % EVERY === 0
                ? await wrongWithProcesses(room, number, input, tally)
                : undefined);
            return what === undefined ? [] : [{ what, input }];
          } catch (error) {
            return [{ what: `exception: ${(error as Error).stack}`, input }];
          }
        }));
        return faults.flat();
      },
      counts: tally.counts,
      [Symbol.asyncDispose]: () => Promise.resolve(room[Symbol.dispose]()),
    });
  },
  write: (texts) => texts,
  read: (written) => written as ConfigTexts,
};
