/**
 * Boots a small Debian with a real systemd in namespaces of its own, and tries the units of
 * deploy/systemd/ and `nrpe --doctor` there. The root is made once, in `.boot/`; a copy of it is booted,
 * and gone in the end.
 *
 * Usage: bun tools/boot_units.ts [WORD...]
 *
 * With words only the checks whose names have one of them. It needs root, and the network for the first
 * time. The exit status is 1 when a check fails.
 */
import { doctorChecks } from "./boot/doctor_checks.ts";
import { bootMachine } from "./boot/machine.ts";
import { unitChecks } from "./boot/unit_checks.ts";

let stopped = false;
// After the check that runs the host is shut down.
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.once(signal, () => stopped = true);

async function main(words: readonly string[]): Promise<number> {
  if (process.getuid?.() !== 0) {
    console.error("Only root can boot a systemd in namespaces");
    return 1;
  }
  const checks = [...unitChecks(), ...doctorChecks()].filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word))
  );
  await using machine = await bootMachine();
  let failed = 0;
  for (const { name, run } of checks) {
    if (stopped) {
      console.log("Stopped");
      return 1;
    }
    try {
      await run(machine);
      console.log(`ok      ${name}`);
    } catch (error) {
      failed++;
      console.log(
        `not ok  ${name}\n        ${(error as Error).message.replaceAll("\n", "\n        ")}`,
      );
    }
    await machine.reset();
  }
  console.log(`${checks.length - failed} of ${checks.length} checks passed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
