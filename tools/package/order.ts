import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";
import type { Maker } from "./changelog.ts";
import { type Program, readProgram } from "./elf.ts";

/** What a package is made of, for whom, and where it goes. */
export interface Order {
  /** The agent. */
  readonly binary: string;
  readonly program: Program;
  /** As deno.json has it. */
  readonly version: string;
  readonly maker: Maker;
  /** The directory of the packages. */
  readonly output: string;
}

/** The project has no mailbox. Who builds packages for others says who he is, as Debian's tools have it. */
const NOBODY = "The nrpe-one authors <nrpe-one@example.org>";

/**
 * An order for the packages of a binary. The time is that of the commit, or SOURCE_DATE_EPOCH, and the
 * maintainer is DEBFULLNAME with DEBEMAIL.
 *
 * @throws {Error} when the binary cannot be packaged, or no time is known.
 */
export function orderFor(binary: string, version: string, output: string): Order {
  const { DEBFULLNAME: name, DEBEMAIL: address } = process.env;
  const maintainer = name && address ? `${name} <${address}>` : NOBODY;
  return {
    binary,
    program: readProgram(binary),
    version,
    maker: { maintainer, date: sourceDate() },
    output,
  };
}

function sourceDate(): Date {
  const { SOURCE_DATE_EPOCH: given } = process.env;
  const seconds = given ?? commitTime();
  if (!/^\d+$/.test(seconds)) {
    throw new Error("No commit and no SOURCE_DATE_EPOCH says what time the files have");
  }
  return new Date(Number(seconds) * 1000);
}

function commitTime(): string {
  const { stdout } = Bun.spawnSync(["git", "log", "-1", "--format=%ct"], { cwd: ROOT });
  return stdout.toString().trim();
}

/**
 * Puts values in the place of names such as `@VERSION@`.
 *
 * @throws {Error} when a name has no value.
 */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/@([A-Z_]+)@/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`A template has @${name}@, which has no value`);
    return value;
  });
}

/** The copyright file, in the format of DEP-5. */
export function copyright(): string {
  const licence = readFileSync(join(ROOT, "LICENSE"), "utf8");
  const [, holder] = /^Copyright \(c\) (.*)$/m.exec(licence) ?? [];
  if (holder === undefined) throw new Error("LICENSE has no line of copyright");
  const terms = licence.slice(licence.indexOf("Permission is")).trimEnd();
  return fill(readFileSync(join(ROOT, "packaging", "copyright"), "utf8"), {
    COPYRIGHT: holder,
    LICENSE: terms.split("\n").map((line) => line === "" ? " ." : ` ${line}`).join("\n"),
  });
}

/**
 * Runs a program that makes a package, in which every time is that of the commit.
 *
 * @throws {Error} when it is missing or fails, with what it said.
 */
export function runTool(
  command: readonly string[],
  { date }: Maker,
  environment: Readonly<Record<string, string>> = {},
): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    env: {
      ...process.env,
      LC_ALL: "C",
      TZ: "UTC",
      SOURCE_DATE_EPOCH: String(date.getTime() / 1000),
      ...environment,
    },
  });
  if (exitCode !== 0) {
    throw new Error(
      `${command[0]} ended with ${exitCode}: ${stdout.toString()}${stderr.toString()}`,
    );
  }
}
