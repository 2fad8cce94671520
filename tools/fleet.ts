/**
 * Boots a small Debian that is host, controller and monitoring server in one, and tries deploy/ansible/,
 * deploy/monitoring/ and deploy/prometheus/ there with the programs that they are for. The root is made
 * once, in `.boot/`; a copy of it is booted, and gone in the end.
 *
 * Usage: bun tools/fleet.ts [--deb FILE] [WORD...]
 *
 * With words only the checks whose names have one of them; with a package of the agent the role installs
 * that as well. It needs root, and the network for the first time. The exit status is 1 when a check
 * fails.
 */
import { parseArgs } from "node:util";
import { runChecks } from "./boot/check.ts";
import { bootFleet } from "./fleet/machine.ts";
import { monitoringChecks } from "./fleet/monitoring_checks.ts";
import { packageChecks, roleChecks } from "./fleet/role_checks.ts";

const { values: { deb }, positionals: words } = parseArgs({
  options: { deb: { type: "string" } },
  allowPositionals: true,
});
const checks = [
  ...monitoringChecks(),
  ...roleChecks(),
  ...deb === undefined ? [] : packageChecks(),
];
process.exitCode = await runChecks(
  checks,
  words,
  () => bootFleet(deb),
  (fleet) => fleet.reset(),
);
