/**
 * Prints what Debian's tcpdchk tells syslog about hosts.allow and hosts.deny of a directory, as JSON.
 *
 * Runs in a private mount namespace, since it covers /dev/log.
 */
import { bindSyslog } from "./syslog_socket.ts";

const [directory, inetdConf] = process.argv.slice(2) as [string, string];
const drain = bindSyslog();
const run = Bun.spawnSync(["tcpdchk", "-d", "-i", inetdConf], { cwd: directory });
if (run.exitCode !== 0) throw new Error(`tcpdchk ended with ${run.exitCode ?? run.signalCode}`);
console.log(JSON.stringify(drain()));
