/**
 * Daemons that are commonly put behind the access tables, by tcpd or by libwrap.
 *
 * A rule for one of them is right on a host that does not have it yet, or any more.
 */

/** Their names without `in.` and `rpc.`. */
const KNOWN_DAEMONS: ReadonlySet<string> = new Set([
  // Logins and files.
  ...["sshd", "sshd1", "sshd2", "dropbear", "telnetd", "rlogind", "rshd", "rexecd", "kshd"],
  ...["klogind", "moshd", "ftpd", "lukemftpd", "proftpd", "pureftpd", "pure-ftpd", "vsftpd"],
  ...["muddleftpd", "wu.ftpd", "wu-ftpd", "tftpd", "atftpd", "sftpd", "rsyncd", "uucpd", "cvsd"],
  ...["afpd", "atalkd", "smbd", "nmbd", "xrdp", "vncd"],
  // RPC.
  ...["portmap", "portmapper", "rpcbind", "mountd", "nfsd", "statd", "lockd", "rquotad", "rstatd"],
  ...["rusersd", "rwalld", "sprayd", "ugidd", "nfs", "ypserv", "ypbind", "yppasswdd", "ypxfrd"],
  ...["bootparamd", "cmsd", "ttdbserverd", "kcms_server", "sadmind", "nlockmgr", "idmapd"],
  // Mail and news.
  ...["sendmail", "exim", "exim4", "smtpd", "qmail-smtpd", "postfix", "popd", "pop2d", "pop3d"],
  ...["ipop2d", "ipop3d", "qpopper", "popper", "popa3d", "imapd", "imap2d", "imap4d", "spamd"],
  ...["dovecot", "imap-login", "pop3-login", "cyrus", "lmtpd", "nntpd", "innd", "leafnode"],
  // Directories, time, boot, print.
  ...["slapd", "nscd", "ntpd", "timed", "bootpd", "dhcpd", "named", "identd", "authd", "oidentd"],
  ...["fingerd", "cfingerd", "talkd", "ntalkd", "ktalkd", "comsat", "lpd", "cupsd", "systat"],
  ...["netstat", "whod", "rwhod", "routed", "rarpd"],
  // Databases, monitoring, backups, and others.
  ...["mysqld", "mariadbd", "postgres", "nrpe", "nsca", "snmpd", "snmptrapd", "bsnmpd"],
  ...["munin-node", "check_mk_agent", "check-mk-agent", "zabbix_agentd", "xinetd", "stunnel"],
  ...["apcupsd", "apcnisd", "upsd", "amandad", "amindexd", "amidxtaped", "bacula-dir"],
  ...["bacula-fd", "bacula-sd", "bareos-dir", "bareos-fd", "bareos-sd", "distccd", "mpd", "gdm"],
  ...["conserver", "sockd", "socksd", "sidserver", "esd", "pulseaudio-native", "tcpd", "swat"],
  ...["syslog-ng", "rsyslogd", "gnatsd", "pserver", "saned", "ident2", "git-daemon", "icecast"],
]);

/** The well-known daemons, none of which is a mistake for another. */
export const DAEMON_NAMES: readonly string[] = [...KNOWN_DAEMONS];

/**
 * Whether a name is, or may well be, that of a daemon: it is well known or one of `names`, also with
 * or without the `in.`, `rpc.` or last `d` that daemons have on other systems.
 *
 * @param name In small letters.
 */
export function isDaemonName(name: string, names: ReadonlySet<string>): boolean {
  if (/^sshd-?fwd-./.test(name)) return true;
  const stem = stemOf(name);
  if (!stemsOf(KNOWN_DAEMONS).has(stem) && !stemsOf(names).has(stem)) return false;
  const bare = name.replace(/^(in|rpc)\./, "");
  for (const known of [KNOWN_DAEMONS, names]) {
    for (const form of [name, bare, `in.${bare}`, `rpc.${bare}`]) {
      if (known.has(form) || known.has(form.replace(/d$/, ""))) return true;
    }
  }
  return false;
}

/** The stems of sets of names, which are asked about for each daemon of a table. */
const stems = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();

function stemsOf(names: ReadonlySet<string>): ReadonlySet<string> {
  const known = stems.get(names);
  if (known !== undefined) return known;
  const made = new Set([...names].map(stemOf));
  stems.set(names, made);
  return made;
}

/** What forms of a name have in common that may stand for each other. */
function stemOf(name: string): string {
  const start = name.startsWith("in.") ? 3 : name.startsWith("rpc.") ? 4 : 0;
  return name.slice(start, name.endsWith("d") ? -1 : undefined);
}

/** Whether two names differ by nothing but a `d` or a number at the end, as `sshd` and `ssh` do. */
export function differAtEnd(one: string, other: string): boolean {
  const bare = (name: string) => name.replace(/[0-9]+$/, "").replace(/d$/, "");
  return bare(one) === bare(other);
}
