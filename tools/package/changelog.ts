import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";

/** A version in CHANGELOG.md. */
interface Release {
  readonly version: string;
  readonly date: Date;
  readonly groups: readonly Group[];
}

/** What has been added, changed or fixed in a version. */
interface Group {
  readonly name: string;
  readonly changes: readonly string[];
}

/** Who has made a package, and when. */
export interface Maker {
  /** Name and address, as in a mail. */
  readonly maintainer: string;
  readonly date: Date;
}

/** The changes of all versions as deb-changelog(5) has them, the latest first. */
export function debianChangelog(version: string, { maintainer, date }: Maker): string {
  return releases(version, date).map((release) =>
    [
      `nrpe-one (${packageVersion(release.version)}) unstable; urgency=medium`,
      "",
      ...release.groups.flatMap(({ name, changes }) => [
        `  [ ${name} ]`,
        ...changes.flatMap((change) => wrap(change, "  * ", "    ")),
        "",
      ]),
      // toUTCString() has the zone as a name.
      ` -- ${maintainer}  ${release.date.toUTCString().replace("GMT", "+0000")}`,
      "",
    ].join("\n")
  ).join("\n");
}

/** The changes of all versions as the %changelog of an rpm has them. */
export function rpmChangelog(version: string, { maintainer, date }: Maker): string {
  return releases(version, date).map((release) => {
    const [weekday, day, month, year] = release.date.toUTCString().replace(",", "").split(" ");
    const changes = release.groups.flatMap((group) => group.changes);
    return [
      `* ${weekday} ${month} ${day} ${year} ${maintainer} - ${packageVersion(release.version)}-1`,
      // A percent sign would begin a macro.
      ...changes.flatMap((change) => wrap(change.replaceAll("%", "%%"), "- ", "  ")),
      "",
    ].join("\n");
  }).join("\n");
}

/** A version of ours as packages have it: a version before a release sorts before it. */
export const packageVersion = (version: string) => version.replace("-", "~");

/**
 * The versions in CHANGELOG.md. What is not released belongs to the version that is built.
 *
 * @throws {SyntaxError} when a heading names neither.
 */
function releases(version: string, date: Date): readonly Release[] {
  const sections = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8").split(/^## /m).slice(1);
  const found: Release[] = [];
  for (const section of sections) {
    const [heading = ""] = section.split("\n", 1);
    const groups = groupsOf(section);
    if (heading === "Unreleased") {
      found.push({ version, date, groups });
      continue;
    }
    const [, known, day] = /^(\S+) - (\d{4}-\d\d-\d\d)$/.exec(heading) ?? [];
    if (known === undefined || day === undefined) {
      throw new SyntaxError(`Cannot read CHANGELOG.md: "## ${heading}" is no version with a date`);
    }
    const release = { version: known, date: new Date(`${day}T00:00:00Z`), groups };
    // A tree after a release still has its version.
    const [unreleased] = found;
    if (unreleased?.version === known) {
      found[0] = { ...unreleased, groups: [...unreleased.groups, ...groups] };
    } else found.push(release);
  }
  return found.filter((release) => release.groups.length > 0);
}

function groupsOf(section: string): readonly Group[] {
  return section.split(/^### /m).slice(1).map((text) => {
    const [name = "", ...lines] = text.split("\n");
    const changes = lines.join("\n").split(/^- /m).slice(1)
      .map((change) => change.split("\n\n", 1)[0]!.replace(/\s+/g, " ").trim());
    return { name, changes };
  });
}

/** Lines of at most 79 characters. A word of a program is in the text as it is. */
function wrap(text: string, first: string, others: string): readonly string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(" ")) {
    if (line !== first && line !== others && line.length + word.length > 79) {
      lines.push(line.trimEnd());
      line = others;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
