/** What `deno task release` makes, as far as it takes no minutes; docs/release.md says how to try the rest. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../deno.json" with { type: "json" };
import { LIBRARIES } from "../tools/release/libraries.ts";
import { runtimeOf, verifyIntegrity } from "../tools/release/runtimes.ts";
import { type Binary, sbomOf, unknownParts } from "../tools/release/sbom.ts";
import { NAMESPACE, sign } from "../tools/release/sign.ts";
import { archiveOf, exportTo, hasDate, sourcesOf } from "../tools/release/sources.ts";
import { sumsOf } from "../tools/release/sums.ts";
import { binaryName, TARGETS } from "../tools/release/targets.ts";
import { PEERS, peersMissing } from "./support/peers.ts";
import { makeRoom, type Room, ROOT } from "./support/room.ts";

const VERSIONS = process.versions as Readonly<Record<string, string>>;

let room: Room;

beforeEach(() => {
  room = makeRoom();
});

afterEach(() => room[Symbol.dispose]());

/** Runs a command in the room; it must succeed. */
function run(...command: readonly string[]): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd: room.path, env });
  expect({ command, exitCode, error: stderr.toString() }).toMatchObject({ exitCode: 0 });
  return stdout.toString();
}

test("files are named after version, processor and C library", () => {
  expect(TARGETS.map((target) => binaryName("1.2.3", target))).toEqual([
    "nrpe-1.2.3-linux-x64",
    "nrpe-1.2.3-linux-arm64",
    "nrpe-1.2.3-linux-x64-musl",
    "nrpe-1.2.3-linux-arm64-musl",
  ]);
});

describe("a runtime", () => {
  test.each(TARGETS)(
    "for $name is the version of deno.json with the hash of deno.lock",
    (target) => {
      const { package: name, version, integrity } = runtimeOf(ROOT, target);
      expect(manifest.imports.bun).toBe(`npm:bun@${version}`);
      expect(integrity).toBe(
        JSON.parse(readFileSync(join(ROOT, "deno.lock"), "utf8")).npm[`${name}@${version}`]
          .integrity,
      );
    },
  );

  test("without a hash in deno.lock is not taken", () => {
    room.file("deno.json", JSON.stringify({ imports: { bun: "npm:bun@9.9.9" } }));
    room.file("deno.lock", JSON.stringify({ npm: { "@oven/bun-linux-x64@9.9.9": {} } }));
    expect(() => runtimeOf(room.path, TARGETS[0]!)).toThrow(
      "deno.lock has no SHA-512 of @oven/bun-linux-x64@9.9.9",
    );
  });

  test("that is another file than the pinned one is not taken, and not kept", () => {
    const runtime = runtimeOf(ROOT, TARGETS[0]!);
    const archive = room.file("runtime.tgz", "another");
    expect(() => verifyIntegrity(archive, runtime)).toThrow("and deno.lock has sha512-");
    expect(existsSync(archive)).toBe(false);
    const digest = new Bun.CryptoHasher("sha512").update("another").digest("base64");
    const integrity = `sha512-${digest}`;
    verifyIntegrity(room.file("runtime.tgz", "another"), { ...runtime, integrity });
  });
});

describe("the SBOM", () => {
  const SOURCES = { version: "1.2.3", revision: "0123456789abcdef", time: 1_700_000_000 };
  const binaries = (): Binary[] =>
    TARGETS.map((target) => ({
      name: binaryName("1.2.3", target),
      sha256: "ab".repeat(32),
      runtime: runtimeOf(ROOT, target),
    }));

  test("has the members that CycloneDX 1.5 requires", () => {
    const { bomFormat, specVersion, version, serialNumber, metadata, components } = sbomOf(
      SOURCES,
      binaries(),
      VERSIONS,
    );
    expect({ bomFormat, specVersion, version }).toEqual({
      bomFormat: "CycloneDX",
      specVersion: "1.5",
      version: 1,
    });
    expect(serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(metadata.timestamp).toBe("2023-11-14T22:13:20.000Z");
    for (const component of components) {
      expect(component).toMatchObject({
        type: expect.stringMatching(/^(file|platform|library)$/),
        name: expect.stringMatching(/./),
      });
    }
  });

  test("names each part once, and depends on nothing that it does not name", () => {
    const { metadata, components, dependencies } = sbomOf(SOURCES, binaries(), VERSIONS);
    const refs = [metadata.component, ...components].map((component) => component["bom-ref"]);
    expect(new Set(refs).size).toBe(refs.length);
    const known = new Set(refs);
    const used = dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
    expect(used.filter((ref) => !known.has(ref))).toEqual([]);
    expect(refs.filter((ref) => !used.includes(ref))).toEqual([]);
  });

  test("has nothing of this machine, nor of this moment", () => {
    expect(sbomOf(SOURCES, binaries(), VERSIONS)).toEqual(sbomOf(SOURCES, binaries(), VERSIONS));
    expect(JSON.stringify(sbomOf(SOURCES, binaries(), VERSIONS))).not.toContain(ROOT);
  });

  test("knows every part that the runtime names", () => {
    expect(unknownParts(VERSIONS)).toEqual([]);
    const keys = LIBRARIES.flatMap(({ key }) => key ?? []);
    expect(keys.filter((key) => VERSIONS[key] === undefined)).toEqual([]);
    expect(() => sbomOf(SOURCES, binaries(), { ...VERSIONS, newlib: "1" })).toThrow("newlib");
  });
});

test("SHA256SUMS is what sha256sum reads, without itself, its signature and CHECKS.txt", async () => {
  const directory = join(room.path, "release");
  mkdirSync(directory);
  for (const name of ["b", "a", "SHA256SUMS", "SHA256SUMS.sig", "CHECKS.txt"]) {
    room.file(`release/${name}`, name);
  }
  const sums = await sumsOf(directory);
  expect(sums.split("\n").map((line) => line.slice(64))).toEqual(["  a", "  b", ""]);
  room.file("release/SHA256SUMS", sums);
  expect(run("sh", "-c", "cd release && sha256sum -c SHA256SUMS")).toBe("a: OK\nb: OK\n");
});

describe("the sources of a release", () => {
  /** A checkout with one commit. */
  function commit(): string {
    const root = join(room.path, "checkout");
    mkdirSync(join(root, "deploy"), { recursive: true });
    room.file("checkout/deno.json", '{"version": "1.2.3"}');
    room.file("checkout/CHANGELOG.md", "# Changelog\n\n## 1.2.3 - 2026-01-02\n");
    room.file("checkout/deploy/b", "b", 0o755);
    room.file("checkout/deploy/a", "a", 0o664);
    const git = ["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@example.com"];
    run(...git, "init", "-q");
    run(...git, "add", ".");
    run(...git, "commit", "-q", "-m", "All");
    return root;
  }

  test("are a commit", () => {
    const root = commit();
    expect(sourcesOf(root)).toMatchObject({ version: "1.2.3", root });
    room.file("checkout/deploy/a", "changed");
    expect(() => sourcesOf(root)).toThrow("A release is made of a commit, and these are not:\n M");
  });

  test("have a version with a date", () => {
    expect(hasDate("## Unreleased\n\n## 1.2.3 - 2026-01-02\n", "1.2.3")).toBe(true);
    expect(hasDate("## 1.2.3\n", "1.2.3")).toBe(false);
    expect(hasDate("## 1.2.3 - soon\n", "1.2.3")).toBe(false);
    const root = commit();
    room.file("checkout/CHANGELOG.md", "# Changelog\n\n## Unreleased\n");
    run("git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qam", "Undo");
    expect(() => sourcesOf(root)).toThrow('CHANGELOG.md has no line "## 1.2.3 - YYYY-MM-DD"');
  });

  test("are archived alike, whatever the files of the checkout look like", () => {
    const sources = sourcesOf(commit());
    const archive = (name: string) => {
      archiveOf(sources, "nrpe-1.2.3-deploy", ["deploy"], join(room.path, name));
      return readFileSync(join(room.path, name));
    };
    const first = archive("first.tar");
    run("touch", "-d", "2001-01-01", "checkout/deploy/a");
    run("chmod", "640", "checkout/deploy/a");
    expect(archive("second.tar").equals(first)).toBe(true);
    const listed = run("tar", "--numeric-owner", "-tvf", "first.tar").trimEnd().split("\n");
    expect(listed.map((line) => line.replace(/ +[0-9]+ [0-9-]+ [0-9:]+/, ""))).toEqual([
      "drwxr-xr-x 0/0 nrpe-1.2.3-deploy/",
      "drwxr-xr-x 0/0 nrpe-1.2.3-deploy/deploy/",
      "-rw-r--r-- 0/0 nrpe-1.2.3-deploy/deploy/a",
      "-rwxr-xr-x 0/0 nrpe-1.2.3-deploy/deploy/b",
    ]);
  });

  test("are exported as they were committed", () => {
    const sources = sourcesOf(commit());
    const directory = join(room.path, "deep", "er");
    exportTo(sources, directory);
    expect(run("ls", "-A", directory)).toBe("CHANGELOG.md\ndeno.json\ndeploy\n");
  });
});

test.skipIf(peersMissing("sshKeygen"))("a signature is verified, and only for these sums", () => {
  const keygen = PEERS.sshKeygen.path;
  run(keygen, "-q", "-t", "ed25519", "-N", "", "-f", "key");
  room.file("SHA256SUMS", "sums\n");
  sign(room.path, join(room.path, "key"));
  sign(room.path, join(room.path, "key"));
  room.file("signers", `nrpe-one namespaces="${NAMESPACE}" ${run("cat", "key.pub")}`);
  const verify = ["-Y", "verify", "-f", "signers", "-I", "nrpe-one", "-n", NAMESPACE].join(" ");
  const command = `${keygen} ${verify} -s SHA256SUMS.sig`;
  expect(run("sh", "-c", `${command} < SHA256SUMS`)).toContain("Good");
  run("sh", "-c", `echo more >> SHA256SUMS; ! ${command} < SHA256SUMS`);
});
