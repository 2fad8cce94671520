import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { ROOT } from "./support/room.ts";

/** The room of a file below lib/: its folder, or `leaves`. */
function roomOf(file: string): string {
  const folder = dirname(file);
  return folder === "." ? "leaves" : folder;
}

/** What each room may import, by the table in docs/architecture.md. */
function allowedImports(): Map<string, readonly string[]> {
  const text = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
  const rows = text.split("## The rooms")[1]!.split("\n## ")[0]!.matchAll(
    /^\| (\S+) +\|.*\| ([^|]*)\|$/gm,
  );
  const rooms = [...rows].slice(2).map(([, room, imports]) =>
    [room!.replaceAll("`", ""), imports!.match(/[\w/]+/g) ?? []] as const
  );
  return new Map(rooms);
}

const FILES = readdirSync(join(ROOT, "lib"), { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".ts"))
  .sort();

/** The files below lib/ that a file imports, types included, whether at once or later. */
function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(ROOT, "lib", file), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+\.ts)"/g)].map(([, at]) =>
    at!
  );
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}

describe("the rooms of lib/", () => {
  const allowed = allowedImports();

  test("are those that docs/architecture.md lists", () => {
    expect([...allowed.keys()].sort()).toEqual([...new Set(FILES.map(roomOf))].sort());
  });

  test.each(FILES)("let %s import what its room may", (file) => {
    const room = roomOf(file);
    const rooms = new Set(importsOf(file).map(roomOf));
    const mayImport = [room, "leaves", ...allowed.get(room)!];
    expect([...rooms].filter((other) => !mayImport.includes(other))).toEqual([]);
  });

  test("have no file that imports itself by way of others", () => {
    const done = new Set<string>();
    const visit = (file: string, way: readonly string[]): readonly string[] | undefined => {
      if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
      if (done.has(file)) return undefined;
      for (const next of importsOf(file)) {
        const cycle = visit(next, [...way, file]);
        if (cycle !== undefined) return cycle;
      }
      done.add(file);
      return undefined;
    };
    for (const file of FILES) expect(visit(file, [])).toBeUndefined();
  });

  test("bind functions of the C library in system/ alone", () => {
    const binding = FILES.filter((file) => {
      const text = readFileSync(join(ROOT, "lib", file), "utf8");
      return /bindLibc\(|bindLater\(|"bun:ffi"/.test(text);
    });
    expect(binding.filter((file) => roomOf(file) !== "system")).toEqual([]);
  });
});
