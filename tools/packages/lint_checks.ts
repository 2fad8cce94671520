/** What lintian(1) and rpmlint(1) say, which are run in a root that has them. */
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";
import { expectEqual, expectThat } from "../boot/check.ts";
import type { Repository } from "./repository.ts";

/** What it finds and no override explains. @throws {Error} when that is something. */
export function lintDeb(root: string, { directory, deb }: Repository): void {
  const { text } = inRoot(
    root,
    `lintian --allow-root --pedantic --display-info --fail-on none /mnt/packages/${deb}`,
    [directory, "packages"],
  );
  expectEqual("", text);
}

/** @throws {Error} when it finds what no filter explains. */
export function lintRpm(root: string, { directory, rpm }: Repository): void {
  const { exitCode, text } = inRoot(
    root,
    `rpmlint -c /mnt/settings/rpmlint.toml /mnt/packages/${rpm}`,
    [directory, "packages"],
    [join(ROOT, "packaging", "rpm"), "settings"],
  );
  expectThat(text, exitCode === 0 && / 0 errors, 0 warnings/.test(text));
}

/** Runs a command in a root, with directories that it sees below /mnt. */
function inRoot(
  root: string,
  command: string,
  ...binds: readonly (readonly [from: string, name: string])[]
): { readonly exitCode: number; readonly text: string } {
  const script = [
    "set -e",
    `cd ${root}; mount -t tmpfs own mnt; mount -t tmpfs own tmp; mount -t proc proc proc`,
    ...binds.map(([from, name]) => `mkdir mnt/${name}; mount --bind ${from} mnt/${name}`),
    `exec chroot . env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 HOME=/tmp ${command} 2>&1`,
  ].join("\n");
  const { exitCode, stdout } = Bun.spawnSync(["unshare", "-mp", "--fork", "sh", "-c", script]);
  return { exitCode, text: stdout.toString() };
}
