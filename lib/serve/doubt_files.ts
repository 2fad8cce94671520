import type { Config } from "../config/config.ts";
import type { Owner } from "../system/account.ts";
import { describeExposure, exposuresOf, readersOf } from "../system/exposure.ts";
import { statusOf } from "../system/path_status.ts";
import { holdsKey } from "../tls/key_file.ts";

const KEY_FILES = ["ssl_privatekey_file", "ssl_cert_file"] as const;

/**
 * A warning about others who may change the files of the configuration or the access tables, or read the
 * key: about the first of them, since `--check-config` has them all. undefined where there are none.
 *
 * @param files The absolute paths of the files and directories that the configuration was made from.
 * @param agent The agent's user and group.
 */
export function doubtFiles(
  config: Config,
  files: readonly string[],
  agent: Owner,
): string | undefined {
  const doubts = new Set<string>();
  const tables = config.tcp_wrappers ? [config.hosts_allow_file, config.hosts_deny_file] : [];
  for (const path of [...files, ...tables]) {
    for (const exposure of exposuresOf(path, agent)) doubts.add(describeExposure(exposure));
  }
  for (const directive of KEY_FILES) {
    const file = config[directive];
    const status = file === undefined || !config.ssl_enabled ? undefined : statusOf(file);
    if (status === undefined || !holdsKey(directive, config)) continue;
    const who = readersOf(status, agent);
    if (who !== undefined) doubts.add(`${who} may read the private key in ${file}`);
  }
  const [first] = doubts;
  if (first === undefined) return undefined;
  const others = doubts.size - 1;
  const more = others === 0 ? "" : ` (and ${others} more)`;
  return `Warning: ${first}${more}: nrpe --check-config says what to do`;
}
