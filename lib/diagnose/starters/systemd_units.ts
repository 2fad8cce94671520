import { pathBytes } from "../../system/path_status.ts";
import { baseName, fileSystem, namesIn, textOf } from "./read_text.ts";

/** Where systemd looks for units; of files with one name the first counts, see systemd.unit(5). */
export const UNIT_DIRECTORIES: readonly string[] = [
  ...["/etc/systemd/system", "/run/systemd/system"],
  ...["/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"],
];

/** A setting of a unit, with its place. */
export interface UnitSetting {
  readonly section: string;
  readonly name: string;
  readonly value: string;
  readonly file: string;
  readonly line: number;
}

/** A unit with its drop-ins. */
export interface Unit {
  readonly name: string;
  readonly file: string;
  /** Whether the unit is a link to the null device. */
  readonly masked: boolean;
  /** Whether another unit wants or requires it, as after `systemctl enable`. */
  readonly enabled: boolean;
  readonly settings: readonly UnitSetting[];
}

/** Reads the settings of a unit file. Lines that end with a backslash continue. */
export function parseUnit(text: string, file: string): readonly UnitSetting[] {
  const settings: UnitSetting[] = [];
  let section = "";
  let begun: { text: string; line: number } | undefined;
  for (const [at, raw] of text.split("\n").entries()) {
    if (/^[ \t]*[#;]/.test(raw)) continue;
    const { text: before, line } = begun ?? { text: "", line: at + 1 };
    const whole = before + raw.trim();
    if (whole.endsWith("\\")) {
      begun = { text: `${whole.slice(0, -1).trimEnd()} `, line };
      continue;
    }
    begun = undefined;
    const head = /^\[(.*)\]$/.exec(whole)?.[1];
    if (head !== undefined) section = head;
    const [, name, value] = /^([A-Za-z]+)[ \t]*=[ \t]*(.*)$/.exec(whole) ?? [];
    if (name === undefined || value === undefined) continue;
    settings.push({ section, name, value, file, line });
  }
  return settings;
}

/** The last value of a setting that is not a list. */
export function settingOf(unit: Unit, name: string): UnitSetting | undefined {
  return unit.settings.findLast((setting) => setting.name === name);
}

/** The values of a list; an empty one begins it anew. */
export function settingsOf(unit: Unit, name: string): readonly UnitSetting[] {
  const all = unit.settings.filter((setting) => setting.name === name);
  const reset = all.findLastIndex(({ value }) => value === "");
  return all.slice(reset + 1);
}

/** A unit by its name; undefined where there is none. */
export function findUnit(name: string): Unit | undefined {
  for (const directory of UNIT_DIRECTORIES) {
    if (!namesIn(directory).includes(name)) continue;
    const file = `${directory}/${name}`;
    return completeUnit(file, name, parseUnit(textOf(file), file));
  }
  return undefined;
}

/** The units whose file or name says something of a pattern; each name once. */
export function findUnits(pattern: RegExp): readonly Unit[] {
  const seen = new Set<string>();
  const units: Unit[] = [];
  for (const directory of UNIT_DIRECTORIES) {
    for (const name of namesIn(directory)) {
      if (!/\.(service|socket)$/.test(name) || seen.has(name)) continue;
      seen.add(name);
      const file = `${directory}/${name}`;
      const settings = parseUnit(textOf(file), file);
      if (pattern.test(name) || settings.some(({ value }) => pattern.test(value))) {
        units.push(completeUnit(file, name, settings));
      }
    }
  }
  return units;
}

/** A unit with its drop-ins, and whether it is enabled. */
function completeUnit(file: string, name: string, own: readonly UnitSetting[]): Unit {
  const settings = [...own];
  const dropIns = new Map<string, string>();
  for (const place of [...UNIT_DIRECTORIES].reverse()) {
    for (const part of namesIn(`${place}/${name}.d`)) {
      if (part.endsWith(".conf")) dropIns.set(part, `${place}/${name}.d/${part}`);
    }
  }
  for (const part of [...dropIns.keys()].sort()) {
    const path = dropIns.get(part)!;
    settings.push(...parseUnit(textOf(path), path));
  }
  return { name, file, masked: isNullLink(file), enabled: isWanted(name), settings };
}

function isNullLink(file: string): boolean {
  try {
    return fileSystem().readlinkSync(pathBytes(file)) === "/dev/null";
  } catch {
    return false;
  }
}

function isWanted(name: string): boolean {
  return UNIT_DIRECTORIES.some((directory) =>
    namesIn(directory).some((entry) =>
      /\.(wants|requires|upholds)$/.test(entry) &&
      namesIn(`${directory}/${entry}`).some((wanted) => baseName(wanted) === name)
    )
  );
}

/** A command of ExecStart=: the prefixes, and the words with quotes taken away. */
export interface UnitCommand {
  readonly prefixes: string;
  /** The program. */
  readonly program: string;
  /** Its arguments, its name first. */
  readonly argv: readonly string[];
}

/** Reads a command line of systemd.service(5). After `@` the second word is the program's name. */
export function parseUnitCommand(value: string): UnitCommand | undefined {
  const [, prefixes, rest] = /^([-@:+!|]*)(.*)$/.exec(value) as unknown as [string, string, string];
  const words = [...rest.matchAll(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S+)/g)].map((
    [, double, single, plain],
  ) => double ?? single ?? plain!);
  const [program, ...others] = words;
  if (program === undefined) return undefined;
  const argv = prefixes.includes("@") ? others : [program, ...others];
  return { prefixes, program, argv };
}

/** A size of systemd.exec(5), and of rlimit_as in xinetd.conf(5), in bytes. */
export function bytesOf(value: string): number {
  const [, digits, unit = ""] = /^([0-9]+)([KMGT]?)/.exec(value.split(":")[0]!) ?? [];
  if (digits === undefined) return Infinity;
  return Number(digits) * 1024 ** (unit === "" ? 0 : "KMGT".indexOf(unit) + 1);
}
