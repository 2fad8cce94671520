import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchPeers, seeingPeers } from "../../tests/support/fetch_peers.ts";
import { childrenOf, processesWith } from "../../tests/support/processes.ts";
import { waitUntil } from "../../tests/support/wait_until.ts";
import { makeRoots } from "./roots.ts";
import type { Sources } from "./sources.ts";

/** User and group numbers that exist in the namespace, as outside. */
const IDS = "0 0 65536\n";

/**
 * Runs each binary of a release in a root directory that has nothing but its C library and a shell, in
 * namespaces without another network; those for arm64 through QEMU. Prints what each has done and
 * writes it to CHECKS.txt.
 *
 * @throws {Error} when one of them fails, or they cannot be run here.
 */
export async function checkRelease({ root, version, commit }: Sources, directory: string) {
  if (process.getuid?.() !== 0 || process.arch !== "x64" || !existsSync("/etc/debian_version")) {
    throw new Error("--check needs root, and Debian for x64");
  }
  fetchPeers();
  const roots = makeRoots(root);
  const report = join(directory, "CHECKS.txt");
  const { unshare, pid } = await makeNamespaces();
  try {
    const check = Bun.spawn([
      ...["nsenter", "-t", String(pid), "-U", "-m", "-n", "-p", "-u", "-i", `-w${root}`],
      ...[process.execPath, join(import.meta.dir, "check_binaries.ts")],
      JSON.stringify({ directory, version, commit, emulator: roots.emulator, report }),
      ...Array.from(roots.paths, ([{ name }, path]) => `${name}=${path}`),
    ], { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, LC_ALL: "C" } });
    const status = await check.exited;
    if (status !== 0) throw new Error(`The check ended with ${check.signalCode ?? status}`);
  } finally {
    unshare.kill("SIGKILL");
    await unshare.exited;
  }
  if (/\bFAILED\b/.test(readFileSync(report, "utf8"))) throw new Error(`See ${report}`);
}

/**
 * Namespaces with the peers in sight; the user namespace is for binfmt_misc, of which each has its own
 * from Linux 6.7 on.
 */
async function makeNamespaces() {
  const unshare = Bun.spawn(
    [
      // They end with this process, killed or not.
      ...["setpriv", "--pdeathsig", "KILL"],
      ...seeingPeers("unshare", "-Umnpuif", "--kill-child", "sleep", "infinity"),
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  let pid = 0;
  await waitUntil("the namespaces are there", () => {
    if (unshare.exitCode !== null) throw new Error(`unshare ended with ${unshare.exitCode}`);
    const children = childrenOf(unshare.pid);
    [pid = 0] = processesWith(/^sleep infinity$/).filter((found) => children.includes(found));
    return pid !== 0;
  });
  for (const file of ["uid_map", "gid_map"]) writeFileSync(`/proc/${pid}/${file}`, IDS);
  return { unshare, pid };
}
