/** What a release is built for: the names of its files, and of the runtime's targets and packages. */
export interface Target {
  /** Of the files of the release. */
  readonly name: string;
  /** Of `bun build --target`. */
  readonly compileFor: string;
  /** The package of the npm registry that has its runtime. */
  readonly runtime: string;
  readonly architecture: "x64" | "arm64";
  readonly libc: "glibc" | "musl";
}

/**
 * The targets. There is none for x64 without AVX2: one runtime serves all processors from SSE4.2 on,
 * and `-baseline` is another name of it.
 */
export const TARGETS: readonly Target[] = [
  target("x64", "glibc"),
  target("arm64", "glibc"),
  target("x64", "musl"),
  target("arm64", "musl"),
];

function target(architecture: Target["architecture"], libc: Target["libc"]): Target {
  const suffix = libc === "musl" ? "-musl" : "";
  const name = `linux-${architecture}${suffix}`;
  const processor = architecture === "arm64" ? "aarch64" : architecture;
  return {
    name,
    compileFor: `bun-${name}`,
    runtime: `@oven/bun-linux-${processor}${suffix}`,
    architecture,
    libc,
  };
}

/** The name of a binary of a release. */
export function binaryName(version: string, { name }: Target): string {
  return `nrpe-${version}-${name}`;
}
