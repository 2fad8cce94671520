import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aptConfiguration } from "../../tests/support/fetch_peers.ts";
import { run } from "./run.ts";
import { type Target, TARGETS } from "./targets.ts";

/** What Debian calls the parts of a target. */
interface Names {
  readonly architecture: "amd64" | "arm64";
  readonly triplet: string;
  /** The directory of GCC's libraries, in the packages that are unpacked for the linker. */
  readonly gcc: string;
}

const NAMES: Readonly<Record<Target["architecture"], Names>> = {
  x64: { architecture: "amd64", triplet: "x86_64-linux", gcc: "gcc/x86_64-linux-gnu" },
  arm64: { architecture: "arm64", triplet: "aarch64-linux", gcc: "gcc-cross/aarch64-linux-gnu" },
};

/** The user that agents become in the roots. */
export const AGENT_ID = 999;
/** Clients of the access tables, and their addresses. */
export const FRIEND = { name: "friend.example", address: "127.0.0.2" } as const;
export const FOE = { name: "foe.example", address: "127.0.0.3" } as const;

const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0::/:/bin/sh\n" +
    `nagios:x:${AGENT_ID}:${AGENT_ID}::/:/bin/false\n`,
  "etc/group": `root:x:0:\nnagios:x:${AGENT_ID}:\n`,
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
  "etc/hosts":
    `127.0.0.1 localhost\n${FRIEND.address} ${FRIEND.name}\n${FOE.address} ${FOE.name}\n`,
};

/** Packages that are unpacked together: an emulator, and what libstdc++ for musl is linked of. */
const TOOLS = [
  ...["qemu-user-static:amd64", "binutils-aarch64-linux-gnu:amd64"],
  ...["libstdc++-12-pic:amd64", "libgcc-12-dev:amd64"],
  ...["libstdc++-12-pic-arm64-cross", "libgcc-12-dev-arm64-cross"],
];

const packagesOf = ({ architecture, libc }: Target) =>
  [libc === "glibc" ? "libc6" : "musl", "busybox-static"].map((name) =>
    `${name}:${NAMES[architecture].architecture}`
  );

const FETCH = `set -e
apt-get -q -y -c apt.conf update
rm -rf packages; mkdir packages; cd packages
apt-get -q -c ../apt.conf download "$@"`;

/** Root directories for the targets, and what runs programs of arm64 there. */
export interface Roots {
  readonly emulator: string;
  readonly paths: ReadonlyMap<Target, string>;
}

/**
 * Root directories with the C library of each target, a shell and nothing else, made of Debian's
 * packages at the first time. They lie in a directory that only root enters.
 *
 * @param root The checkout.
 * @throws {Error} when they cannot be made.
 */
export function makeRoots(root: string): Roots {
  const directory = join(root, ".release", "roots");
  const tools = join(directory, "tools");
  const paths = new Map(TARGETS.map((target) => [target, join(directory, target.name)]));
  const roots = { emulator: join(tools, "usr/bin/qemu-aarch64-static"), paths };
  const packages = [...new Set([...TOOLS, ...TARGETS.flatMap(packagesOf)])];
  const stamp = `${packages.join(" ")}\n${JSON.stringify(FILES)}\n`;
  const stampFile = join(directory, "stamp");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return roots;
  console.log("Making root directories of Debian's packages in .release/roots/");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  fetchPackages(directory, packages);
  const unpack = (wanted: string, to: string) => {
    const [name, architecture = "all"] = wanted.split(":");
    const pattern = new Bun.Glob(`${name}_*_${architecture}.deb`);
    const [archive] = pattern.scanSync(join(directory, "packages"));
    run(directory, "dpkg-deb", "-x", join("packages", archive!), to);
  };
  for (const name of TOOLS) unpack(name, tools);
  for (const [target, path] of paths) {
    for (const name of packagesOf(target)) unpack(name, path);
    furnish(path);
    if (target.libc === "musl") linkLibrary(target, tools, path);
  }
  writeFileSync(stampFile, stamp);
  return roots;
}

function fetchPackages(directory: string, packages: readonly string[]): void {
  for (const name of ["apt/state/lists/partial", "apt/cache/archives/partial"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  const status = join(directory, "apt", "status");
  writeFileSync(status, "");
  const architectures = 'APT::Architectures { "amd64"; "arm64"; };\n';
  writeFileSync(join(directory, "apt.conf"), aptConfiguration(directory, status) + architectures);
  run(directory, "sh", "-c", FETCH, "sh", ...packages);
}

function furnish(path: string): void {
  for (const name of ["dev", "proc", "tmp", "etc", "bin"]) {
    mkdirSync(join(path, name), { recursive: true });
  }
  for (const name of ["sh", "echo"]) run(path, "ln", "-sf", "busybox", join("bin", name));
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(path, name), content);
  chmodSync(path, 0o755);
}

/** A function that only calls another one. */
const CALL: Readonly<Record<Target["architecture"], (name: string) => string>> = {
  x64: (name) => `jmp ${name}@PLT`,
  arm64: (name) => `b ${name}`,
};

/** What GCC's libraries, when they are compiled for glibc, call there, and how musl does without. */
const ABSENT: Readonly<Record<string, string>> = {
  __cxa_thread_atexit_impl: "abort",
  __getauxval: "getauxval",
  __strftime_l: "strftime_l",
  _ZNSi6ignoreEl: "abort",
  _ZNSt13basic_istreamIwSt11char_traitsIwEE6ignoreEl: "abort",
  _dl_find_object: "abort",
  arc4random: "random",
};

function shimOf(architecture: Target["architecture"]): string {
  const functions = Object.entries(ABSENT).map(([name, other]) =>
    `.hidden ${name}\n.globl ${name}\n${name}: ${CALL[architecture](other)}\n`
  );
  const variables = ["__dso_handle", "__libc_single_threaded"].map((name) =>
    `.hidden ${name}\n.globl ${name}\n${name}: .quad 0\n`
  );
  return `.text\n${functions.join("")}.data\n${variables.join("")}`;
}

/**
 * Links libstdc++ for musl, which Debian does not have, of the parts of Debian's for glibc. It is good
 * for a runtime that neither throws nor formats dates: an exception ends the process.
 */
function linkLibrary({ architecture }: Target, tools: string, path: string): void {
  const { triplet, gcc } = NAMES[architecture];
  const [prefix, libraries] = [
    architecture === "arm64" ? `${triplet}-gnu-` : "",
    `usr/lib/${gcc}/12`,
  ];
  const library = join(path, "lib", `${triplet}-musl`);
  writeFileSync(join(tools, "shim.s"), shimOf(architecture));
  const script = `PATH=$PWD/usr/bin:$PATH LD_LIBRARY_PATH=$PWD/usr/lib/x86_64-linux-gnu
export PATH LD_LIBRARY_PATH
${prefix}as -o shim.o shim.s
${prefix}ld -shared -z defs -z noexecstack -soname libstdc++.so.6 -o "$0"/libstdc++.so.6 shim.o \\
--whole-archive ${libraries}/libstdc++_pic.a --no-whole-archive \\
${libraries}/libgcc_eh.a ${libraries}/libgcc.a -L "$0" -l:libc.so`;
  run(tools, "sh", "-ec", script, library);
}
