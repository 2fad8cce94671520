import { type HostLists, makeHostLists } from "../access/command_access.ts";
import { type Log, Severity } from "../log.ts";
import { resolveHost } from "../system/resolve_host.ts";

/** Makes the lists of `command_allowed_hosts`, with names looked up by the resolver. */
export function makeCommandHosts(log: Log): HostLists {
  return makeHostLists(
    resolveHost,
    (name) => log(Severity.warning, `Warning: command_allowed_hosts: no address found for ${name}`),
  );
}
