/**
 * Boots a small Debian that is host, controller and monitoring server in one, and tries deploy/ansible/,
 * deploy/monitoring/ and deploy/prometheus/ there with the programs that they are for. The root is made
 * once, in `.boot/`; a copy of it is booted, and gone in the end.
 *
 * Usage: bun tools/fleet.ts [WORD...]
 *
 * With words only the checks whose names have one of them. It needs root, and the network for the first
 * time. The exit status is 1 when a check fails.
 */
import { runChecks } from "./boot/check.ts";
import { bootFleet } from "./fleet/machine.ts";
import { monitoringChecks } from "./fleet/monitoring_checks.ts";
import { roleChecks } from "./fleet/role_checks.ts";

process.exitCode = await runChecks(
  [...monitoringChecks(), ...roleChecks()],
  process.argv.slice(2),
  bootFleet,
  (fleet) => fleet.reset(),
);
