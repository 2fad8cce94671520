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
import { runChecks } from "./boot/check.ts";
import { doctorChecks } from "./boot/doctor_checks.ts";
import { bootMachine } from "./boot/machine.ts";
import { unitChecks } from "./boot/unit_checks.ts";

process.exitCode = await runChecks(
  [...unitChecks(), ...doctorChecks()],
  process.argv.slice(2),
  bootMachine,
  (machine) => machine.reset(),
);
