import { LIBRARIES, type Library, NOT_LINKED, RUNTIME_SOURCE } from "./libraries.ts";
import type { Runtime } from "./runtimes.ts";
import type { Sources } from "./sources.ts";

/** A binary of a release, and the runtime in it. */
export interface Binary {
  readonly name: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
  readonly runtime: Runtime;
}

/**
 * The SBOM of a release, in CycloneDX 1.5: https://cyclonedx.org/docs/1.5/json/. Its times are the
 * commit's, and its serial number is made from the hashes of the binaries.
 *
 * @param versions `process.versions` of the runtime.
 * @throws {Error} when the runtime names a part that {@link LIBRARIES} does not know.
 */
export function sbomOf(
  { version, revision, time }: Pick<Sources, "version" | "revision" | "time">,
  binaries: readonly Binary[],
  versions: Readonly<Record<string, string>>,
) {
  const unknown = unknownParts(versions);
  if (unknown.length > 0) {
    throw new Error(`tools/release/libraries.ts does not say what this is: ${unknown.join(", ")}`);
  }
  const libraries = LIBRARIES.map((library) => describeLibrary(library, versions));
  const runtimes = new Map(binaries.map(({ runtime }) => [purlOf(runtime), runtime]));
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: serialNumber(binaries),
    version: 1,
    metadata: {
      timestamp: new Date(time * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": "nrpe-one",
        name: "nrpe-one",
        version,
        licenses: [{ license: { id: "MIT" } }],
        properties: [{ name: "nrpe-one:commit", value: revision }],
      },
    },
    components: [
      ...binaries.map((binary) => describeBinary(binary, version)),
      ...Array.from(runtimes, ([purl, runtime]) => describeRuntime(purl, runtime)),
      ...libraries,
    ],
    dependencies: [
      { ref: "nrpe-one", dependsOn: binaries.map(({ name }) => name) },
      ...binaries.map(({ name, runtime }) => ({ ref: name, dependsOn: [purlOf(runtime)] })),
      ...Array.from(
        runtimes.keys(),
        (ref) => ({ ref, dependsOn: libraries.map((library) => library["bom-ref"]) }),
      ),
    ],
  };
}

/** The keys of `process.versions` of which nobody has said what they are. */
export function unknownParts(versions: Readonly<Record<string, string>>): readonly string[] {
  const known = new Set([...NOT_LINKED, ...LIBRARIES.map(({ key }) => key)]);
  return Object.keys(versions).filter((key) => !known.has(key));
}

function describeBinary({ name, sha256 }: Binary, version: string) {
  return {
    type: "file",
    "bom-ref": name,
    name,
    version,
    hashes: [{ alg: "SHA-256", content: sha256 }],
    licenses: [{ license: { id: "MIT" } }],
  };
}

function describeRuntime(purl: string, { package: name, version, integrity }: Runtime) {
  const [group, base] = name.split("/") as [string, string];
  const digest = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
  return {
    type: "platform",
    "bom-ref": purl,
    group,
    name: base,
    version,
    // Of the package's file in the npm registry.
    hashes: [{ alg: "SHA-512", content: digest }],
    licenses: [{ license: { id: "MIT" } }],
    purl,
    externalReferences: [{ type: "vcs", url: RUNTIME_SOURCE }],
  };
}

function describeLibrary(
  { name, license, source, key }: Library,
  versions: Readonly<Record<string, string>>,
) {
  const version = key === undefined ? undefined : versions[key];
  return {
    type: "library",
    "bom-ref": `library:${name}`,
    name,
    ...version === undefined ? {} : { version },
    licenses: [{ expression: license }],
    externalReferences: [{ type: "website", url: source }],
  };
}

/** https://github.com/package-url/purl-spec, type npm: the @ of a scope is encoded. */
function purlOf({ package: name, version }: Runtime): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** A UUID of version 8, RFC 9562, 5.8. */
function serialNumber(binaries: readonly Binary[]): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const { name, sha256 } of binaries) hash.update(`${sha256}  ${name}\n`);
  const digits = hash.digest("hex");
  const parts = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(12, 15)}`,
    `8${digits.slice(15, 18)}`,
    digits.slice(18, 30),
  ];
  return `urn:uuid:${parts.join("-")}`;
}
