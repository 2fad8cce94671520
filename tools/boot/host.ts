import type { Room } from "../../tests/support/room.ts";
import { bootSystemd, type Said, type Systemd } from "../../tests/support/systemd.ts";
import { type DebianRoot, debianRoot } from "./root.ts";

/** A Debian that has booted. */
export interface Host extends Systemd {
  /** Runs shell text. @throws {Error} with what it printed when it fails. */
  sh(script: string): Promise<string>;
  /** Runs check_nrpe against the agent there, with further arguments. */
  checkNrpe(...args: readonly string[]): Promise<Said>;
}

/**
 * Boots a Debian in namespaces of its own. What it changes is gone with it.
 * @param prepare Lines of shell text that complete its root, which is the working directory.
 * @throws {Error} when it does not come up.
 */
export async function bootDebian(
  room: Room,
  root: DebianRoot,
  prepare: readonly string[],
): Promise<Host> {
  const systemd = await bootSystemd(room, debianRoot(root), {
    prepare: [
      ...prepare,
      "mount -t tmpfs -o mode=1777 tmp tmp",
      "rm -f etc/systemd/system/getty.target.wants/* etc/machine-id; : > etc/machine-id",
    ],
    environment: [],
    arguments: ["--unit=multi-user.target", "--show-status=no"],
    target: "multi-user.target",
  });
  return {
    ...systemd,
    async sh(script) {
      const { status, text } = await systemd.run("sh", "-ec", script);
      if (status !== 0) throw new Error(`${script}\nended with ${status}: ${text}`);
      return text;
    },
    checkNrpe: (...args) =>
      systemd.run(
        ...["/usr/lib/nagios/plugins/check_nrpe", "-H", "127.0.0.1", "-t", "60", ...args],
      ),
  };
}
