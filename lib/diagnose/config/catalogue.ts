/**
 * The findings of `--check-config` that the loader of nrpe.cfg does not have. The loader's have its
 * words, which the agent logs. docs/config-codes.md lists the codes of both.
 */
import type { Position } from "../../config/config.ts";
import type { LintSeverity } from "../../wrappers/lint/finding.ts";
import type { ConfigFinding } from "./report.ts";

/** A message, and what to do; `{name}` is replaced by a value. No text ends with a full stop. */
interface Row {
  readonly severity: LintSeverity;
  readonly message: string;
  readonly suggestion?: string;
}

const IN_WORDS = { severity: "error", message: "{reason}" } as const;

/** By code and, where it has several cases, a slash and which one. */
const CATALOGUE = {
  // The text of nrpe.cfg.

  "arguments-refused": {
    severity: "warning",
    message: "{macro} is always empty, since dont_blame_nrpe=0 refuses requests with arguments",
    suggestion:
      "write its value into the line, or set dont_blame_nrpe=1 if clients shall choose it",
  },
  "escaped-macro": {
    severity: "warning",
    message: "{macro} keeps its first backslash, as from a here-document that needed none",
    suggestion: "write {plain}; in a shell, quote the word behind << so that $ needs no backslash",
  },
  "foreign-macro": {
    severity: "warning",
    message:
      "{macro} is a macro of the monitoring server and stays as it is: this agent has $ARG1$ to $ARG16$",
    suggestion: "write what it stands for, such as {directory}",
  },
  "argv-would-do": {
    severity: "warning",
    message: "command[{name}] needs no shell, and one reads the client's {macro}",
    suggestion:
      "write command_argument_mode[{name}]=argv: each argument is then one word, blanks included",
  },
  "shell-used": {
    severity: "hint",
    message: "command[{name}] passes the client's {macro} to a shell: {reason}",
    suggestion: "put the line into a script, and that into command_argument_mode[{name}]=argv",
  },
  "crlf": {
    severity: "hint",
    message: "{count} lines end with a carriage return, which is dropped",
    suggestion: "sed -i 's/\\r$//' {file}",
  },
  "no-newline-at-end": {
    severity: "hint",
    message: "the last line has no newline: what is appended to the file becomes a part of it",
    suggestion: "echo >> {file}",
  },
  "arguments-allowed": {
    severity: "hint",
    message: "clients choose arguments of commands (dont_blame_nrpe=1)",
    suggestion: "set dont_blame_nrpe=0 unless a command needs them",
  },
  "substitution-allowed": {
    severity: "warning",
    message: "clients may run any command by $(...) in an argument",
    suggestion: "set allow_bash_command_substitution=0",
  },
  "ignored-directive/inetd": {
    severity: "hint",
    message: "under inetd (-i) these do not count: {names}",
  },
  "ignored-directive/nowait": {
    severity: "hint",
    message: "under inetd with nowait these do not count either: {names}",
  },
  "ignored-directive/daemon": {
    severity: "hint",
    message: "for a daemon (-d, -f) these do not count: {names}",
  },
  "ignored-directive/plain": {
    severity: "hint",
    message: "without TLS these do not count: {names}",
  },
  "ignored-directive/always": {
    severity: "hint",
    message: "these are read and have no effect in this agent: {names}",
  },
  "allowed-hosts-inetd": {
    severity: "hint",
    message: "allowed_hosts does not count under inetd (-i), where the access tables alone decide",
    suggestion: "say in hosts.allow and hosts.deny who may talk, which counts in every mode",
  },
  "no-commands": {
    severity: "warning",
    message: "no command is defined: every request is answered with 'not defined'",
    suggestion: "command[check_load]=/usr/lib/nagios/plugins/check_load -w 4,3,2 -c 8,6,4",
  },

  // The agent's user.

  "agent-user": {
    ...IN_WORDS,
    suggestion: "{fix}",
  },
  "agent-user-unknown": {
    severity: "error",
    message: "the agent is started as {user}, whom the user database does not know",
    suggestion: "useradd --system --no-create-home --shell /usr/sbin/nologin {user}",
  },
  "agent-group-unknown": {
    severity: "error",
    message: "the agent is started in the group {group}, which the group database does not know",
    suggestion: "groupadd --system {group}",
  },
  "agent-user-root": {
    severity: "error",
    message: "the agent is started as root ({from}), and refuses to serve under inetd as root",
    suggestion: "let inetd start it as nagios, or another user that is not root",
  },
  "agent-user-unset": {
    severity: "hint",
    message: "nothing here says which user runs the agent, so what that user may do is not checked",
    suggestion: "nrpe_user=nagios and nrpe_group=nagios",
  },
  "other-user": {
    severity: "hint",
    message: "what {user} may do is checked, who runs this command; the agent runs as {agent}",
    suggestion: "run this command as root or as {agent}",
  },

  // Files.

  "config-unreadable-for-agent": {
    severity: "error",
    message: "{reason}: {user}, who runs the agent, may not read it",
    suggestion: "chgrp {group} {file} && chmod g+{bits} {file}",
  },
  "table-unreadable-for-agent": {
    severity: "error",
    message:
      "{user}, who runs the agent, cannot read {file} ({reason}), so every client is refused",
    suggestion: "chmod 644 {file}",
  },
  "table-missing": {
    severity: "warning",
    message: "{directive} names {file}, which does not exist and so {consequence}",
    suggestion: "create it, or correct the path",
  },
  "unwritable/log_file": {
    severity: "warning",
    message: "{user}, who runs the agent, cannot write {file} ({reason}): the log goes to syslog",
    suggestion: "{fix}",
  },
  "unwritable/pid_file": {
    severity: "error",
    message: "{user}, who runs the agent, cannot write {file} ({reason}): a daemon does not start",
    suggestion: "{fix}",
  },
  "unwritable/tls_state_file": {
    severity: "warning",
    message:
      "{user}, who runs the agent, cannot write {file} ({reason}): each start makes another certificate",
    suggestion: "{fix}",
  },
  "unwritable/metrics_file": {
    severity: "warning",
    message: "{user}, who runs the agent, cannot write {file} ({reason}): no metrics are written",
    suggestion: "{fix}",
  },
  "written-by-root-alone": {
    severity: "hint",
    message: "only an agent that root starts can write {file}: {user} cannot ({reason})",
    suggestion: "{fix}",
  },

  "writable-by-others/config": {
    severity: "warning",
    message: "{exposure}, and so what the agent runs",
    suggestion: "{fix}",
  },
  "writable-by-others/table": {
    severity: "warning",
    message: "{exposure}, and so who is let in",
    suggestion: "{fix}",
  },
  "writable-by-others/tls": {
    severity: "warning",
    message: "{exposure}, and so which certificates count",
    suggestion: "{fix}",
  },

  // TLS.

  "tls": { ...IN_WORDS },
  "tls-unreadable-for-agent": {
    severity: "error",
    message:
      "{user}, who runs the agent, cannot read {file} ({reason}): no client gets through TLS",
    suggestion: "chgrp {group} {file} && chmod 640 {file}",
  },
  "tls-unreadable-for-agent/daemon": {
    severity: "warning",
    message:
      "{user}, who runs the agent, cannot read {file} ({reason}): a daemon reads it at its start and never again",
    suggestion: "chgrp {group} {file} && chmod 640 {file}",
  },
  "key-readable-by-others": {
    severity: "warning",
    message: "{who} may read the private key in {file} (mode {mode})",
    suggestion: "chgrp {group} {file} && chmod 640 {file}",
  },
  "certificate-expired": {
    severity: "error",
    message: "the certificate {subject} in {file} expired {days} days ago",
    suggestion: "renew it",
  },
  "certificate-expired/ca": {
    severity: "warning",
    message: "the CA certificate {subject} in {file} expired {days} days ago: it admits no client",
    suggestion: "replace it",
  },
  "certificate-expired/own": {
    severity: "hint",
    message: "the certificate in {file} expired {days} days ago: the next start makes a new one",
  },
  "certificate-expires": {
    severity: "warning",
    message: "the certificate {subject} in {file} expires in {days} days",
    suggestion: "renew it, and reload the agent",
  },
  "certificate-not-yet-valid": {
    severity: "error",
    message: "the certificate {subject} in {file} is not valid before {date}",
    suggestion: "see whether the clock of this host is right",
  },

  "crl-expired": {
    severity: "error",
    message: "the CRL of {issuer} in {file} {why}: all certificates of that CA are refused",
    suggestion: "put the CA's latest CRL there",
  },
  "crl-expires": {
    severity: "warning",
    message: "the CRL of {issuer} in {file} expires in {hours} hours",
    suggestion:
      "see whether the CA's latest CRL gets there in time, and whether the agent is reloaded",
  },
  "crl-missing": {
    severity: "warning",
    message: "{file} has no CRL of {issuer}: all certificates of that CA are refused",
    suggestion: "add the CA's CRL, if it is empty too, or remove the CA from ssl_cacert_file",
  },
  "crl-of-no-ca": {
    severity: "warning",
    message: "the CRL of {issuer} in {file} is of no CA of ssl_cacert_file",
    suggestion:
      "add the CA to ssl_cacert_file, if clients have its certificates, or remove the CRL",
  },
  "subjects-without-tls": {
    severity: "error",
    message: "ssl_allowed_subjects needs TLS, which -n turns off: the agent serves nobody",
    suggestion: "start the agent without -n, or remove the line",
  },
  "command-without-askers": {
    severity: "error",
    message: "nobody may ask for command[{name}]: {why}, so that no client shows a certificate",
    suggestion: "ask for certificates, or remove the line and the command",
  },

  // Commands.

  "no-new-privs": {
    severity: "warning",
    message: "command[{name}]: no_new_privs=1 makes {what} of {file} ineffective",
    suggestion: "set no_new_privs=0, or let the plugin do without",
  },
  "program-missing": {
    severity: "error",
    message: "command[{name}] cannot run: {reason}",
    suggestion: "{fix}",
  },
  "program-not-executable": {
    severity: "error",
    message: "command[{name}] cannot run as {user}: {reason}",
    suggestion: "{fix}",
  },
  "interpreter-missing": {
    severity: "error",
    message: "command[{name}] cannot run: {reason}",
    suggestion: "{fix}",
  },
  "program-not-in-path": {
    severity: "error",
    message: "command[{name}]: {file} is in none of {path}, which is a daemon's PATH",
    suggestion: "write the whole path of the program",
  },
  "program-by-path": {
    severity: "hint",
    message: "command[{name}]: {file} is found by PATH as {found}; under inetd PATH is inetd's",
    suggestion: "write {found}",
  },
  "relative-program": {
    severity: "warning",
    message:
      "command[{name}]: {file} is relative to the working directory, which is / for a daemon",
    suggestion: "write the whole path of the program",
  },
  "sudo-no-rule": {
    severity: "error",
    message: "command[{name}]: no rule of sudoers lets {user} run {file} as {target}",
    suggestion: "{fix}",
  },
  "sudo-password": {
    severity: "error",
    message:
      "command[{name}]: sudo asks {user} for a password before it runs {file}, and has no terminal",
    suggestion: "{fix}",
  },
  "sudo-requiretty": {
    severity: "error",
    message: "command[{name}]: requiretty in {where} lets sudo run from a terminal alone",
    suggestion: "Defaults:{user} !requiretty",
  },
  "sudo-not-set-uid": {
    severity: "error",
    message:
      "command[{name}]: {file} has no set-user-ID bit or is not root's, so it changes no user",
    suggestion: "reinstall the package sudo",
  },
  "sudo-not-checked": {
    severity: "hint",
    message: "command[{name}]: whether sudo lets {user} run {file} is not checked: {reason}",
    suggestion: "sudo -l -U {user} {file}",
  },
} as const satisfies Readonly<Record<string, Row>>;

export type CaseName = keyof typeof CATALOGUE;

/** The codes, for the documentation. */
export const CONFIG_CODES: readonly string[] = [
  ...new Set(Object.keys(CATALOGUE).map((name) => name.split("/", 1)[0]!)),
];

/** Values of the placeholders. */
type Values = Readonly<Record<string, string | number>>;

/** A finding without its place in the line, which is added when the files are at hand. */
export type PlacedProblem = Omit<ConfigFinding, "file" | "place"> & { readonly position: Position };

/** A case of the catalogue at a position. A suggestion that is empty is left out. */
export function problemAt(position: Position, name: CaseName, values: Values = {}): PlacedProblem {
  const row: Row = CATALOGUE[name];
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (_, key: string) => String(values[key] ?? ""));
  const suggestion = fill(row.suggestion ?? "");
  return {
    severity: row.severity,
    code: name.split("/", 1)[0]!,
    message: fill(row.message),
    ...(suggestion === "" ? {} : { suggestion }),
    position,
  };
}
