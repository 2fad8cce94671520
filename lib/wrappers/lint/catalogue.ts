/**
 * The findings that the checks of the access tables have.
 *
 * `deno task docs` makes docs/lint-codes.md from this table, and a test runs each of its examples.
 */
import { LONGEST_LINE } from "../table.ts";

/**
 * A case: its severity with the message, what to do about it, and what triggers it. `{name}` in a
 * text is replaced by a value. No text ends with a full stop.
 */
export type Row = Message & { readonly suggestion?: string; readonly example: Example };

/**
 * An `error` does not do what it says, a `warning` does more or less than it seems to, and a `hint`
 * works but rests on something that may fail.
 */
type Message =
  | { readonly error: string }
  | { readonly warning: string }
  | { readonly hint: string };

/** A line of hosts.allow, with `ALL: ALL` in hosts.deny; or a whole host. */
export type Example = string | ExampleHost;

/** The host of an example. A table that is left out is empty. */
export interface ExampleHost {
  readonly allow?: string;
  readonly deny?: string;
  /** Other files by their paths. */
  readonly files?: Readonly<Record<string, string>>;
  /** A shell command that is run first. */
  readonly shell?: string;
  /** The options of `nrpe --check-access`. */
  readonly options?: string;
  /** The records of the DNS, as lines of a zone file. */
  readonly zone?: readonly string[];
}

/** A pattern file, and a rule that names it. */
function inFile(text: string) {
  return { allow: "nrpe: /etc/monitors\n", files: { "/etc/monitors": text } };
}

const AS_NOBODY = {
  "/etc/inetd.conf": "nrpe stream tcp nowait nobody /usr/local/bin/nrpe nrpe --inetd\n",
};
const MAY_NOT_READ = "the agent runs as {user}, which may not read this file";
const MAYBE_NOT_READ = "not every user may read this file; if the agent's user may not";
const LONG_LINE =
  `a line of more than ${LONGEST_LINE} bytes: it and all lines after it are not read`;
const SHORTEN = "divide the rule, or move its patterns into a file and name that";
const NO_NEWLINE = "the file ends without a newline";
const END_LINE = "end the last line with a newline";
const CONTINUED = "the file ends with a continued line";
const END_CONTINUATION = "remove the last backslash";
const NO_COLON = "without a colon this line is not a rule and is skipped";
const BRACKET = "a bracket without its partner hides the colons after it";
const CLOSE = "close each [ by a ]";
const NO_COMMENT = "a comment cannot follow a rule";
const OWN_LINE = "put the comment on a line of its own, # first";
/** Follows other advice, and is left out where names are looked up already. */
export const LOOK_THEM_UP = "; --lookup checks ";
const NAMES_NEEDED =
  "this table needs the names of clients: while a name server is slow or down, each check waits";

/**
 * The cases by name: the code and, where it has several cases, a slash and which one.
 *
 * Values are words of the tables, numbers and paths; all sentences are here.
 */
export const CATALOGUE = {
  // A file as a whole.

  "table-is-directory": {
    error: "this is a directory, which counts as an empty table without a warning",
    example: { options: "--hosts-allow /etc" },
  },
  "cannot-open/allow": {
    error: "cannot open: {reason}; it counts as empty",
    example: { options: "--hosts-allow /etc/hosts/allow" },
  },
  "cannot-open/failed": {
    error: "cannot be read now: {reason}; every client that reaches it is denied",
    example: { options: "--hosts-allow /proc/self/mem" },
  },
  "cannot-open/deny": {
    error: "cannot open: {reason}; every client that reaches it is denied",
    example: { options: "--hosts-deny /etc/hosts/deny" },
  },
  "missing-table": {
    warning: "no such file: it counts as empty",
    example: { options: "--hosts-allow /etc/nosuch" },
  },
  "nrpe-cfg": {
    warning: "the agent warns of this when it starts: {warning}",
    example: {
      files: { "/etc/nrpe.cfg": "allowed_hosts=192.0.2.9/24\n" },
      options: "-c /etc/nrpe.cfg",
    },
  },
  "allowed-hosts-inetd/tables": {
    warning: "allowed_hosts does not count under inetd (-i): the access tables alone decide there",
    suggestion: "say in hosts.allow and hosts.deny who may talk, which counts in every mode",
    example: {
      files: { "/etc/nrpe.cfg": "allowed_hosts=192.0.2.1\n" },
      options: "-c /etc/nrpe.cfg",
    },
  },
  "allowed-hosts-inetd/no-tables": {
    warning: "allowed_hosts does not count under inetd (-i): every client is served there",
    suggestion: "remove tcp_wrappers=0, and say in hosts.allow and hosts.deny who may talk",
    example: {
      files: { "/etc/nrpe.cfg": "allowed_hosts=192.0.2.1\ntcp_wrappers=0\n" },
      options: "-c /etc/nrpe.cfg",
    },
  },
  "writable-by-others": {
    error: "every user of this host may write this file, and so decide who gets in",
    suggestion: "chmod o-w {file}",
    example: { shell: "chmod 666 /etc/hosts.allow" },
  },
  "writable-by-others/directory": {
    error: "every user of this host may replace this file, since {directory} is theirs to change",
    suggestion: "{fix}",
    example: { shell: "chmod 777 /etc" },
  },
  "writable-by-group": {
    warning: "the group {group} may write this file, and so decide who gets in",
    suggestion: "chmod g-w {file}",
    example: { shell: "chgrp users /etc/hosts.allow && chmod 664 /etc/hosts.allow" },
  },
  "writable-by-group/directory": {
    warning: "{who} may replace this file, which is in {directory}, and so decide who gets in",
    suggestion: "{fix}",
    example: { files: AS_NOBODY, shell: "chgrp users /etc && chmod 775 /etc" },
  },
  "owned-by-other": {
    warning: "{path} belongs to another user than root, and {who} may change it",
    suggestion: "{fix}",
    example: { files: AS_NOBODY, shell: "chown 99 /etc/hosts.allow" },
  },
  "unreadable-for-agent/allow": {
    error: `${MAY_NOT_READ}: the table counts as empty for it`,
    suggestion: "chmod o+r {file}",
    example: { files: AS_NOBODY, shell: "chmod 640 /etc/hosts.allow" },
  },
  "unreadable-for-agent/deny": {
    error: `${MAY_NOT_READ}: it refuses every client that reaches this table`,
    suggestion: "chmod o+r {file}",
    example: { files: AS_NOBODY, shell: "chmod 640 /etc/hosts.deny" },
  },
  "unreadable-for-agent/file": {
    error: `${MAY_NOT_READ}: the pattern matches no client for it`,
    suggestion: "chmod o+r {file}",
    example: {
      ...inFile("192.0.2.1\n"),
      files: { ...AS_NOBODY, "/etc/monitors": "192.0.2.1\n" },
      shell: "chmod 640 /etc/monitors",
    },
  },
  "not-readable-by-all/allow": {
    hint: `${MAYBE_NOT_READ}, the table counts as empty for it`,
    suggestion: "chmod o+r {file}",
    example: { shell: "chmod 640 /etc/hosts.allow" },
  },
  "not-readable-by-all/deny": {
    hint: `${MAYBE_NOT_READ}, it refuses every client that reaches this table`,
    suggestion: "chmod o+r {file}",
    example: { shell: "chmod 640 /etc/hosts.deny" },
  },
  "not-readable-by-all/file": {
    hint: `${MAYBE_NOT_READ}, the pattern matches no client for it`,
    suggestion: "chmod o+r {file}",
    example: { ...inFile("192.0.2.1\n"), shell: "chmod 640 /etc/monitors" },
  },
  "byte-order-mark": {
    error:
      "the file begins with a byte order mark, which becomes part of its first word: that word matches nothing",
    suggestion: "save the file as UTF-8 without BOM",
    example: "\xef\xbb\xbfnrpe: 192.0.2.1",
  },
  "not-a-text-file": {
    error: "this file is UTF-16, which cannot be read here",
    suggestion: "save it as ASCII or UTF-8 without BOM",
    example: "\xff\xfen\0r\0p\0e\0",
  },
  "nul-byte/allow": {
    error: "there is a NUL byte here, and the line is skipped",
    suggestion: "remove it; is this a text file?",
    example: "nrpe: ALL\0",
  },
  "nul-byte/deny": {
    error: "there is a NUL byte here: every client that reaches this line is denied",
    suggestion: "remove it; is this a text file?",
    example: { deny: "nrpe: ALL\0\n" },
  },
  "nul-byte/file": {
    error: "there is a NUL byte here: this is not a text file",
    example: inFile("192.0.2.1\0\n"),
  },
  "carriage-return": {
    warning: "lines end in CR LF, as on Windows: plain rules work, continued ones do not",
    suggestion: "save the file with plain newlines",
    example: "nrpe: 192.0.2.1\r",
  },

  // Lines.

  "line-too-long/allow": {
    error: LONG_LINE,
    suggestion: SHORTEN,
    example: `nrpe: ${"192.0.2.1 ".repeat(205)}`,
  },
  "line-too-long/deny": {
    error: `${LONG_LINE}, and every client that reaches it is denied`,
    suggestion: SHORTEN,
    example: { deny: `nrpe: ${"192.0.2.1 ".repeat(205)}\n` },
  },
  "no-newline-at-end/rule": {
    error: `${NO_NEWLINE}: this line is not read`,
    suggestion: END_LINE,
    example: { allow: "nrpe: 192.0.2.1" },
  },
  "no-newline-at-end/comment": {
    hint: NO_NEWLINE,
    suggestion: END_LINE,
    example: { allow: "# the end" },
  },
  "no-newline-at-end/deny": {
    error: `${NO_NEWLINE}: every client that reaches this line is denied`,
    suggestion: END_LINE,
    example: { deny: "sshd: ALL" },
  },
  "no-newline-at-end/continued-rule": {
    error: `${CONTINUED}: this line is not read`,
    suggestion: END_CONTINUATION,
    example: { allow: "nrpe: 192.0.2.1 \\\n" },
  },
  "no-newline-at-end/continued-comment": {
    hint: CONTINUED,
    suggestion: END_CONTINUATION,
    example: { allow: "# the end \\\n" },
  },
  "no-newline-at-end/continued-deny": {
    error: `${CONTINUED}: every client that reaches this line is denied`,
    suggestion: END_CONTINUATION,
    example: { deny: "sshd: ALL \\\n" },
  },
  "backslash-before-blank/blank": {
    error: "a blank follows the backslash, so the line is not continued",
    suggestion: "remove the blank",
    example: "nrpe: 192.0.2.1 \\ ",
  },
  "backslash-before-blank/return": {
    error: "a carriage return follows the backslash, so the line is not continued",
    suggestion: "save the file with plain newlines",
    example: "nrpe: 192.0.2.1 \\\r",
  },
  "continued-comment/rule": {
    error: "the backslash at its end continues the comment: the next line is part of it",
    suggestion: "remove the backslash",
    example: "# monitoring \\\nnrpe: 192.0.2.1",
  },
  "continued-comment/text": {
    warning: "the backslash at its end continues the comment: the next line is part of it",
    suggestion: "remove the backslash",
    example: "# monitoring \\\nthe second server",
  },
  "indented-comment/rule": {
    error:
      "# begins a comment in the first column only: this is a rule, for daemons called # and what follows it",
    suggestion: "move the # to the first column",
    example: " # nrpe: 192.0.2.1",
  },
  "indented-comment/text": {
    warning:
      "# begins a comment in the first column only: this is skipped as a line without a colon",
    suggestion: "move the # to the first column",
    example: " # monitoring",
  },
  "missing-colon/allow": {
    error: `${NO_COLON}: it grants nothing`,
    suggestion: "write {rule}",
    example: "192.0.2.1 # office",
  },
  "missing-colon/deny": {
    error: `${NO_COLON}: it denies nothing`,
    suggestion: "write {rule}",
    example: { deny: "nrpe ALL\n" },
  },
  "merge-conflict": {
    error: "this marks a merge conflict: the rules of both versions are in force",
    suggestion: "keep one version of the lines, and remove the markers",
    example: "<<<<<<< HEAD\nnrpe: 192.0.2.1\n=======\nnrpe: 192.0.2.2\n>>>>>>> office",
  },
  "unbalanced-bracket/allow": {
    error: `${BRACKET}: it grants nothing`,
    suggestion: CLOSE,
    example: "[nrpe: 192.0.2.1",
  },
  "unbalanced-bracket/deny": {
    error: `${BRACKET}: it denies nothing`,
    suggestion: CLOSE,
    example: { deny: "[nrpe: ALL\n" },
  },
  "unbalanced-bracket/clients": {
    error: `${BRACKET}: they do not end the list`,
    suggestion: CLOSE,
    example: "nrpe: [2001:db8::1 : deny",
  },
  "comment-behind-rule/options": {
    error: `${NO_COMMENT}: these words are patterns, and options follow the colon`,
    suggestion: OWN_LINE,
    example: "nrpe: 192.0.2.1 # see: wiki",
  },
  "comment-behind-rule/patterns": {
    error: `${NO_COMMENT}: each of these words is a pattern`,
    suggestion: OWN_LINE,
    example: "nrpe: 192.0.2.1 # not 192.0.2.9",
  },
  "comment-behind-rule/words": {
    warning: `${NO_COMMENT}: each of these words is a pattern`,
    suggestion: OWN_LINE,
    example: "nrpe: 192.0.2.1 # office",
  },
  "comment-behind-rule/alone": {
    error: `${NO_COMMENT}: its words are the only patterns, and match no client`,
    suggestion: "name the clients before it, and put the comment on a line of its own",
    example: "nrpe: # office",
  },
  "comment-behind-rule/option": {
    error: `${NO_COMMENT}: this is read as part of the option, so the rule denies`,
    suggestion: OWN_LINE,
    example: "nrpe: 192.0.2.1: allow # office",
  },

  // Lists.

  "empty-list/daemons": {
    error: "there is no daemon before the colon, so this rule matches nothing",
    suggestion: "write ALL or the names of daemons",
    example: ": 192.0.2.1",
  },
  "empty-list/clients": {
    error: "there is no client after the colon, so this rule matches no client",
    suggestion: "write ALL or the clients that are meant",
    example: "nrpe:",
  },
  "except-at-start": {
    error: "there is nothing before EXCEPT, so the list matches nothing",
    suggestion: "write ALL before it",
    example: "nrpe: EXCEPT 192.0.2.1",
  },
  "except-twice": {
    error: "there is nothing between the two EXCEPT, so nothing is excepted",
    suggestion: "remove one of them",
    example: "nrpe: ALL EXCEPT EXCEPT 192.0.2.1",
  },
  "except-at-end": {
    error: "there is nothing after EXCEPT, so nothing is excepted",
    suggestion: "name what is to be excepted, or remove EXCEPT",
    example: "nrpe: ALL EXCEPT",
  },
  "unknown-wildcard/meant": {
    error: "{word} is not a word of the language: it is taken for the name of a {role}",
    suggestion: "write {meant}",
    example: "nrpe: ANY",
  },
  "unknown-wildcard/capitals": {
    warning: "{word} is not a wildcard: it is taken for the name of a host",
    suggestion: "the wildcards are ALL LOCAL KNOWN UNKNOWN PARANOID",
    example: "nrpe: OFFICE",
  },
  "wildcard-not-for-daemons": {
    error: "{word} has no meaning for a daemon: it is taken for a name",
    example: "LOCAL: 192.0.2.1",
  },
  "wildcard-not-for-users": {
    error: "{word} has no meaning for a user: it is taken for a name",
    example: "nrpe: LOCAL@192.0.2.1",
  },
  "placeholder/client": {
    error: "this is a placeholder that nobody has filled in, so it matches no client",
    suggestion: "write the address, net or name that it stands for",
    example: "nrpe: <IP>/<CIDR>",
  },
  "placeholder/daemon": {
    error: "this is a placeholder that nobody has filled in, so it matches no daemon",
    suggestion: "write the name of the daemon that it stands for",
    example: "<daemon>: 192.0.2.1",
  },
  "placeholder/command": {
    error:
      "this is a placeholder that nobody has filled in, and the shell takes < and > for redirections",
    suggestion: "write what it stands for",
    example: "nrpe: ALL: spawn <path>/notify %a",
  },
  "comma-in-address": {
    error: "a comma separates words: these are parts of an address, none of which matches a client",
    suggestion: "write {address}",
    example: "nrpe: 192,0,2.1",
  },
  "semicolon": {
    error: "a semicolon does not separate words: all of this is one word",
    suggestion: "separate by commas or blanks",
    example: "nrpe: 192.0.2.1;192.0.2.2",
  },
  "quotes": {
    error: "quotes are part of the word, so this matches no client",
    suggestion: "leave the quotes out",
    example: 'nrpe: "192.0.2.1"',
  },
  "parentheses": {
    error: "parentheses do not group: they are part of the word, so this matches no client",
    suggestion: "leave them out; a EXCEPT b EXCEPT c means a EXCEPT (b EXCEPT c)",
    example: "nrpe: ALL EXCEPT (192.0.2.1)",
  },
  "negation": {
    error: "! does not negate: it is part of the word, so this matches no client",
    suggestion: "write EXCEPT before what is to be left out",
    example: "nrpe: !192.0.2.1",
  },
  "backslash-in-list": {
    error: "a backslash does not quote in a list: it is part of the word",
    suggestion: "leave the backslash out",
    example: "nrpe: mon\\.example",
  },
  "not-a-blank/control": {
    error: "vertical tab and form feed do not separate words: all of this is one word",
    suggestion: "write a blank instead",
    example: "nrpe: 192.0.2.1\v192.0.2.2",
  },
  "not-a-blank/space": {
    error:
      "this is a blank of another kind (a no-break space or the like): it does not separate words",
    suggestion: "write a plain blank instead",
    example: "nrpe: 192.0.2.1\xc2\xa0192.0.2.2",
  },
  "odd-character/foreign": {
    error: "no name or address holds this character, so this matches no client",
    suggestion: "write a name as in DNS (xn--...)",
    example: "nrpe: m\xc3\xbcller.example",
  },
  "odd-character/punctuation": {
    error: "no name or address holds this character, so this matches no client",
    suggestion: "separate words by commas or blanks",
    example: "nrpe: 192.0.2.1&192.0.2.2",
  },

  // Daemons.

  "path-as-daemon": {
    error: "a daemon is known by its name alone, so this matches none",
    suggestion: "write {name}",
    example: "/usr/sbin/nrpe: 192.0.2.1",
  },
  "netgroup-as-daemon": {
    error: "a netgroup holds hosts and users, so this matches no daemon",
    suggestion: "write netgroups after the first colon",
    example: "@monitors: 192.0.2.1",
  },
  "bad-brackets/daemon": {
    error: "brackets are part of the daemon's name here, so this matches none",
    suggestion: "leave the brackets out",
    example: "[nrpe]: 192.0.2.1",
  },
  "bad-port": {
    error: "a number in a daemon list is a port of this host, and there is no port {port}",
    example: "70000: 192.0.2.1",
  },
  "unknown-daemon/meant": {
    hint: "no service of this host is called {name}",
    suggestion: "is {meant} meant?",
    example: "nrep: 192.0.2.1",
  },
  "unknown-daemon/other": {
    hint: "no service of this host is called {name}",
    suggestion:
      "this agent is nrpe, or what daemon_name says; others are known by argv[0] of their program",
    example: "zebra: 192.0.2.1",
  },

  // Clients: users, netgroups, names.

  "at-in-path": {
    error: "the @ divides this path into user and host, so this names no file",
    suggestion: "give the file a name without @",
    example: "nrpe: /etc/hosts@monitoring",
  },
  "bad-user": {
    error: "{user} is compared literally with the user's name, so this matches no client",
    example: "nrpe: @admins@192.0.2.1",
  },
  "two-ats": {
    error:
      "the first @ separates user and host, and no name of a host holds an @; this matches no client",
    example: "nrpe: root@mon@192.0.2.1",
  },
  "empty-host": {
    error: "no host follows the @, so this matches no client",
    example: "nrpe: root@",
  },
  "empty-netgroup": {
    error: "no netgroup follows the @",
    example: "nrpe: @",
  },
  "wildcard-as-netgroup": {
    warning: "a word that begins with @ is a netgroup, so this is not a wildcard",
    suggestion: "write {wildcard}, or USER@{wildcard}",
    example: "nrpe: @ALL",
  },
  "address-as-netgroup": {
    error: "a word that begins with @ is a netgroup, so this does not match the address",
    suggestion: "write {address}",
    example: "nrpe: @192.0.2.1",
  },
  "name-prefix": {
    warning:
      "with a dot at its end this matches every name that begins with it, in any domain, but not the name itself",
    suggestion: "write {name} for one host",
    example: "nrpe: mon.example.",
  },
  "short-name": {
    hint:
      "most clients are known by their full name, and this name without a dot then does not match",
    suggestion: `write the full name${LOOK_THEM_UP}it`,
    example: "nrpe: mon2",
  },
  "wildcard-with-dot/start": {
    error: "next to * or ? a dot at either end is literal, so this matches no client",
    suggestion: "write {name}, or the domain without * and ?",
    example: "nrpe: .*.example",
  },
  "wildcard-with-dot/end": {
    error: "next to * or ? a dot at either end is literal, so this matches no client",
    suggestion: "write the prefix without * and ?, or leave the last dot out",
    example: "nrpe: 192.*.",
  },
  "wildcard-matches-names/prefix": {
    warning:
      "this is compared with names too: anyone who controls the name of a host can make it match",
    suggestion: "write {prefix}, which is compared with addresses only",
    example: "nrpe: 192.0.2.*",
  },
  "wildcard-matches-names/other": {
    warning:
      "this is compared with names too: anyone who controls the name of a host can make it match",
    suggestion: "write a net",
    example: "nrpe: 192.*.2.*",
  },
  "wildcard-matches-nameless": {
    warning: "a client without a confirmed name is called {names}, and this matches that",
    suggestion: "put a dot into the pattern, *.example",
    example: "nrpe: un*",
  },
  "user-lookup": {
    hint:
      "the client's own host is asked for the user (RFC 1413): that takes up to 10 seconds, and without an answer the user is unknown",
    suggestion: "leave the user out",
    example: "nrpe: root@192.0.2.1",
  },
  "name-lookup/allow": {
    hint: `${NAMES_NEEDED} and clients that reach these rules are refused`,
    suggestion: `give addresses or nets as well${LOOK_THEM_UP}the names`,
    example: "nrpe: mon.example",
  },
  "name-lookup/localhost": {
    hint: `${NAMES_NEEDED} and clients that reach these rules are refused`,
    suggestion: `write 127.0.0.1 and [::1], which need no name`,
    example: "nrpe: localhost",
  },
  "name-lookup/deny": {
    hint: `${NAMES_NEEDED} and clients that reach these rules are refused; tcpd lets them in`,
    suggestion: `deny ALL and grant by address${LOOK_THEM_UP}the names`,
    example: { deny: "nrpe: .bad.example\n" },
  },
  "unknown-host": {
    warning: "no address is known for {name}",
    example: { allow: "nrpe: mon.example\n", options: "--lookup", zone: [] },
  },
  "host-alias": {
    warning: "{name} is another name of {other}, and clients are known by that",
    suggestion: "write {other}",
    example: {
      allow: "nrpe: mon.example\n",
      options: "--lookup",
      zone: [
        "mon.example. A 192.0.2.1",
        "alpha.example. A 192.0.2.1",
        "1.2.0.192.in-addr.arpa. PTR alpha.example.",
      ],
    },
  },
  "unconfirmed-host/paranoid": {
    warning: "the addresses of {name} have names that contradict it, so clients there are PARANOID",
    suggestion: "write {addresses}, or fix the reverse lookup",
    example: {
      allow: "nrpe: mon.example\n",
      options: "--lookup",
      zone: ["mon.example. A 192.0.2.1", "1.2.0.192.in-addr.arpa. PTR alpha.example."],
    },
  },
  "unconfirmed-host/nameless": {
    warning: "the addresses of {name} have no names (reverse lookup), so this matches no client",
    suggestion: "write {addresses}, or fix the reverse lookup",
    example: {
      allow: "nrpe: mon.example\n",
      options: "--lookup",
      zone: ["mon.example. A 192.0.2.1"],
    },
  },
  "slow-lookup": {
    warning: "looking up {name} took {seconds} seconds, and each check waits as long",
    suggestion: "give the address as well",
    example: {
      allow: "nrpe: mon.example\n",
      options: "--lookup",
      zone: [
        "; answered after 3 seconds",
        "mon.example. A 192.0.2.1",
        "1.2.0.192.in-addr.arpa. PTR mon.example.",
      ],
    },
  },

  // Clients: addresses.

  "bad-address/client": {
    error:
      "{word} is not how an address is spelled, and addresses are compared as text; this matches no client",
    suggestion: "write four decimal numbers from 0 to 255 with dots between",
    example: "nrpe: 192.0.2.256",
  },
  "bad-address/net": {
    error: "{net} is not an IPv4 address, so this matches no client",
    example: "nrpe: 192.0.2.256/24",
  },
  "leading-zero": {
    error: "addresses are compared as text and have no leading zeros, so this matches no client",
    suggestion: "write {address}",
    example: "nrpe: 192.0.2.01",
  },
  "address-with-dot": {
    error: "an address ends with its fourth part, so this matches no client",
    suggestion: "write {address}",
    example: "nrpe: 192.0.2.1.",
  },
  "prefix-without-dot": {
    error: "the beginning of an address needs a dot at its end; without it this matches no client",
    suggestion: "write {prefix}.",
    example: "nrpe: 192.0.2",
  },
  "numeric-suffix": {
    warning: "with a leading dot this matches every address that ends with it",
    suggestion: "write a prefix, 10.0.0., or a net",
    example: "nrpe: .2.1",
  },
  "address-range": {
    error: "there are no ranges of addresses, so this matches no client",
    suggestion: "write a net, 10.0.0.0/28, or each address",
    example: "nrpe: 192.0.2.1-192.0.2.9",
  },
  "ipv6-without-brackets/rule": {
    error:
      "without brackets an IPv6 address ends the list at its first colon, and the rest of it is taken for options",
    suggestion: "write {pattern}",
    example: "nrpe: 2001:db8::1",
  },
  "ipv6-without-brackets/prefix": {
    error:
      "without brackets an IPv6 address ends the list at its first colon, and the rest of it is taken for options",
    suggestion: "write a net, [2001:db8::]/32",
    example: "nrpe: 2001:db8:1:",
  },
  "ipv6-without-brackets/net": {
    error: "an IPv6 net needs brackets; without them it matches no client",
    suggestion: "write [{net}]/{length}",
    example: inFile("2001:db8::/32\n"),
  },
  "ipv6-without-brackets/address": {
    warning:
      "without brackets an IPv6 address is compared letter by letter, and has many spellings",
    suggestion: "write [{address}]",
    example: inFile("2001:db8::1\n"),
  },
  "ipv6-without-brackets/text": {
    warning:
      "without brackets an IPv6 address is compared letter by letter, and has many spellings",
    example: inFile("2001:db8:1\n"),
  },
  "bad-brackets/word": {
    error: "brackets hold one IPv6 address and nothing else, so this matches no client",
    suggestion: "write [address]",
    example: "nrpe: [2001:db8::1]x",
  },
  "bad-brackets/class": {
    error: "brackets hold one IPv6 address and nothing else, so this matches no client",
    suggestion: "there are no character classes: write a net",
    example: "nrpe: 192.0.2.[0-9]",
  },
  "bad-brackets/net": {
    error: "there is text between the brackets and the slash, so this matches no client",
    suggestion: "write [address]/length",
    example: "nrpe: [2001:db8::]x/32",
  },
  "length-inside-brackets": {
    error: "the length is inside the brackets, so this matches no client",
    suggestion: "write [{net}]/{length}",
    example: "nrpe: [2001:db8::/32]",
  },
  "ipv4-in-brackets": {
    error: "brackets are for IPv6 addresses only, so this matches no client",
    suggestion: "write {pattern}",
    example: "nrpe: [192.0.2.1]",
  },
  "bad-ipv6-address/empty": {
    error: "there is no address in the brackets, so this matches no client",
    example: "nrpe: []",
  },
  "bad-ipv6-address/text": {
    error: "{text} is not an IPv6 address, so this matches no client",
    example: "nrpe: [mon.example]",
  },
  "bad-ipv6-address/prefix": {
    error: "{text} is not an IPv6 address, so this matches no client",
    suggestion: "write a net with its length, [2001:db8::]/32",
    example: "nrpe: [2001:db8:]",
  },
  "bad-ipv6-address/wildcard": {
    error: "* and ? have no meaning in brackets, so this matches no client",
    suggestion: "write a net with its length, [2001:db8::]/32",
    example: "nrpe: [2001:db8:*]",
  },
  "mapped-address": {
    error:
      "a client with an IPv4-mapped address counts as an IPv4 client, so this matches no client",
    suggestion: "write {pattern}",
    example: "nrpe: [::ffff:192.0.2.1]",
  },
  "zone-ignored": {
    warning: "the zone after % is not compared: the address matches on every interface",
    example: "nrpe: [fe80::1%eth0]",
  },

  // Clients: nets.

  "blank-in-net": {
    error: "there is a blank before the slash: this is read as the name of a file",
    suggestion: "remove the blank before the slash",
    example: "nrpe: 192.0.2.0 /24",
  },
  "wildcard-in-net": {
    error: "* and ? have no meaning in a net, so this matches no client",
    suggestion: "write the net with a length, 10.0.0.0/24, or a prefix, 10.0.0.",
    example: "nrpe: 192.0.2.*/24",
  },
  "not-a-net/file": {
    error: "a pattern with a slash is a net of numbers, and this is not; it matches no client",
    suggestion: "name a pattern file by its full path, which begins with /",
    example: "nrpe: ./monitors",
  },
  "not-a-net/name": {
    error: "a pattern with a slash is a net of numbers, and this is not; it matches no client",
    suggestion: "write the net as n.n.n.n/length",
    example: "nrpe: mon.example/24",
  },
  "short-net": {
    error: "a net needs all four parts, so this matches no client",
    suggestion: "write {net}/{mask}",
    example: "nrpe: 192.0.2/24",
  },
  "host-bits-set": {
    error: "bits beyond the mask are set, so this matches no client, not even that host",
    suggestion: "write {net}/{mask} for the net, or {host} for the one host",
    example: "nrpe: 192.0.2.1/24",
  },
  "octal-number/net": {
    warning: "in a net a leading 0 means octal (0x hexadecimal): this is {value}",
    suggestion: "write {net}/{mask}",
    example: "nrpe: 010.0.0.0/8",
  },
  "octal-number/mask": {
    warning: "in a mask a leading 0 means octal (0x hexadecimal): this is {value}",
    suggestion: "write {net}/{value}",
    example: "nrpe: 10.0.0.0/0377.0.0.0",
  },
  "mask-all-ones": {
    error: "255.255.255.255 is not a valid mask, so this matches no client",
    suggestion: "write {host} for the one host",
    example: "nrpe: 192.0.2.1/255.255.255.255",
  },
  "inverted-mask": {
    error: "this mask has its ones at the wrong end, so it matches no client",
    suggestion: "write {net}/{mask}",
    example: "nrpe: 192.0.2.1/0.0.0.255",
  },
  "odd-mask/scattered": {
    warning:
      "this mask is no net, since its ones are not contiguous: it matches scattered addresses",
    suggestion: "list the nets of the range that is meant",
    example: "nrpe: 10.0.0.0/255.0.255.0",
  },
  "odd-mask/none": {
    error:
      "this mask is no net, since its ones are not contiguous, and bits beyond it are set: it matches no client",
    suggestion: "list the nets of the range that is meant",
    example: "nrpe: 1.224.0.0/255.210.0.0",
  },
  "net-length-zero": {
    error: "a length of 0 is not valid for IPv4, so this matches no client",
    suggestion: "write ALL for every client, or 0.0.0.0/0.0.0.0 for every IPv4 address",
    example: "nrpe: 0.0.0.0/0",
  },
  "single-host-net": {
    hint:
      "a net of one host; the mask 255.255.255.255 would not work, the address alone always does",
    suggestion: "write {host}",
    example: "nrpe: 192.0.2.1/32",
  },
  "empty-net-length/ipv4": {
    error: "no length follows the slash, so this matches no client",
    suggestion: "write the length right after the slash, without a blank",
    example: "nrpe: 192.0.2.0/",
  },
  "empty-net-length/ipv6": {
    error: "no length follows the slash, so this matches every IPv6 address",
    suggestion: "write the length right after the slash, without a blank",
    example: "nrpe: [2001:db8::]/",
  },
  "bad-net-length/ipv4": {
    error: "{length} is neither a mask nor a length from 1 to 32, so this matches no client",
    example: "nrpe: 192.0.2.0/33",
  },
  "bad-net-length/ipv6": {
    error: "{length} is neither a mask nor a length from 0 to 128, so this matches no client",
    example: "nrpe: [2001:db8::]/129",
  },
  "odd-net-length": {
    warning: "the length {text} is read as {length}",
    example: "nrpe: 192.0.2.0/24x",
  },

  // Pattern files.

  "missing-file": {
    error: "there is no such file, so the pattern matches no client",
    example: "nrpe: /etc/nosuch",
  },
  "file-is-directory": {
    error: "this is a directory, so the pattern matches no client",
    example: "nrpe: /etc",
  },
  "unreadable-file": {
    error: "this file cannot be opened: {reason}, so the pattern matches no client",
    example: "nrpe: /etc/hosts/monitors",
  },
  "unreadable-file/failed": {
    error:
      "this file cannot be read now: {reason}; every client that reaches this pattern is denied",
    example: "nrpe: /proc/self/mem",
  },
  "file-names-itself": {
    error: "the file that is named here names this one, and is not read again",
    suggestion: "remove its name",
    example: inFile("192.0.2.1 /etc/monitors\n"),
  },
  "comment-in-pattern-file/patterns": {
    error: "a pattern file has no comments: # and each word after it is a pattern",
    suggestion: "remove the comment",
    example: inFile("192.0.2.1 # was 192.0.2.9\n"),
  },
  "comment-in-pattern-file/words": {
    warning: "a pattern file has no comments: # and each word after it is a pattern",
    suggestion: "remove the comment",
    example: inFile("# office\n192.0.2.1\n"),
  },
  "comma-in-pattern-file": {
    error: "commas do not separate words in a pattern file: all of this is one word",
    suggestion: "separate by blanks or lines",
    example: inFile("192.0.2.1,192.0.2.2\n"),
  },
  "except-in-pattern-file": {
    error: "a pattern file has no EXCEPT: the words after it match like all others",
    suggestion: "write EXCEPT in the rule, with a second file after it",
    example: inFile("192.0.2. EXCEPT 192.0.2.9\n"),
  },
  "user-in-pattern-file": {
    error: "a pattern file has no user@host, so this matches no client",
    example: inFile("root@192.0.2.1\n"),
  },

  // Options.

  "empty-option": {
    error: "there is nothing after this colon, and an empty option denies",
    suggestion: "remove the colon",
    example: "nrpe: 192.0.2.1: nice 5:",
  },
  "unknown-option/meant": {
    error: "{name} is not an option, so the rule denies every client that it matches",
    suggestion: "write {meant}",
    example: "nrpe: 192.0.2.1: permit",
  },
  "unknown-option/other": {
    error: "{name} is not an option, so the rule denies every client that it matches",
    suggestion: "the options are {options}",
    example: "nrpe: 192.0.2.1: monitoring",
  },
  "unknown-option/comma": {
    error: "{name} is not an option, so the rule denies",
    suggestion: "separate options by colons",
    example: "nrpe: 192.0.2.1: keepalive,allow",
  },
  "shell-command/allow": {
    error: "a command alone is not an option of this dialect: it is not run, and the rule denies",
    suggestion: "write spawn {command}",
    example: "nrpe: 192.0.2.1: /usr/bin/logger hello",
  },
  "shell-command/deny": {
    warning: "a command alone is not an option of this dialect: it is not run, and the rule denies",
    suggestion: "write spawn {command}",
    example: { deny: "nrpe: ALL: /usr/bin/logger hello\n" },
  },
  "unescaped-colon": {
    error: "a colon ends the option, and what follows it is not an option, so the rule denies",
    suggestion: "write \\: for a colon in a value",
    example: "nrpe: 192.0.2.1: spawn logger at 12:00",
  },
  "option-not-last": {
    error: "{name} must be the last option; here it denies instead",
    suggestion: "move {name} to the end",
    example: "nrpe: 192.0.2.1: allow: nice 5",
  },
  "option-takes-no-value": {
    error: "{name} takes no value; with one the rule denies",
    suggestion: "write {name} alone",
    example: "nrpe: 192.0.2.1: allow yes",
  },
  "option-needs-value": {
    error: "{name} needs a value; without one the rule denies",
    example: "nrpe: 192.0.2.1: spawn",
  },
  "bad-option-value": {
    error: "{problem}, so the rule denies",
    example: "nrpe: 192.0.2.1: umask 999",
  },
  "unknown-expansion": {
    warning: "{problem}: it expands to nothing",
    suggestion: "write %% for a percent sign",
    example: "nrpe: 192.0.2.1: spawn logger 100%z",
  },
  "aclexec-grants": {
    warning: "in hosts.deny a command that fails grants, and the rules after it are not tried",
    suggestion: "put the rule into hosts.allow and deny in hosts.deny",
    example: { deny: "nrpe: ALL: aclexec /usr/local/bin/known %a\n" },
  },
  "twist-in-resident-daemon": {
    hint:
      "twist works under inetd nowait only: an agent that serves more than one connection refuses the client instead",
    example: "nrpe: 192.0.2.1: twist /bin/echo no",
  },
  "user-option": {
    hint:
      "Debian's tcpd ignores {option}; this agent obeys it, and refuses the client where it may not change its user",
    example: "nrpe: 192.0.2.1: user nobody",
  },
  "missing-directory": {
    warning: "there is no directory {directory}, so no banner is sent",
    example: "sshd: 192.0.2.1: banners /etc/nosuch",
  },
  "banner-breaks-nrpe": {
    warning: "check_nrpe reads a banner as a broken response",
    suggestion: "leave nrpe out of the rule",
    example: "nrpe: 192.0.2.1: banners /etc",
  },

  // Rules together.

  "allow-all-first": {
    error:
      "as in FreeBSD's example file this grants everything: none of the {count} rules after it is ever tried",
    suggestion: "remove this line, and the rules after it decide",
    example: "ALL : ALL : allow\nnrpe : 192.0.2.1 : allow\nALL : ALL : deny",
  },
  "deny-never-reached/allow": {
    error: "this denies no client: all of it is matched first, and granted, by {by}",
    suggestion: "move it before line {line}",
    example: "nrpe: 192.0.2.0/24\nnrpe: 192.0.2.9: deny",
  },
  "deny-never-reached/same-file": {
    warning: "this denies no client: all of it is matched first, and granted, by {by}",
    suggestion: "move it before line {line}",
    example: { deny: "nrpe: 192.0.2.0/24: allow\nnrpe: 192.0.2.9\n" },
  },
  "deny-never-reached/other-file": {
    warning: "this denies no client: all of it is matched first, and granted, by {by}",
    suggestion: "deny it in {file} before line {line}, with : deny",
    example: { allow: "nrpe: 192.0.2.0/24\n", deny: "nrpe: 192.0.2.9\n" },
  },
  "unreachable-rule/duplicate": {
    warning: "this rule never decides: it is the same as line {line}",
    suggestion: "remove it",
    example: "nrpe: 192.0.2.1\nnrpe: 192.0.2.1",
  },
  "unreachable-rule/same-verdict": {
    warning: "this rule never decides: all of it is matched first, with the same verdict, by {by}",
    suggestion: "remove it",
    example: "nrpe: 192.0.2.0/24\nnrpe: 192.0.2.1",
  },
  "unreachable-rule/same-file": {
    warning: "this rule never decides: all of it is matched first by {by}",
    suggestion: "remove it, or move it before line {line}",
    example: "nrpe: 192.0.2.0/24: deny\nnrpe: 192.0.2.1",
  },
  "unreachable-rule/other-file": {
    warning: "this rule never decides: all of it is matched first by {by}",
    suggestion: "remove it",
    example: { allow: "ALL: ALL: deny\n", deny: "nrpe: 192.0.2.1\n" },
  },
  "nothing-denies/clients": {
    warning:
      "clients that no rule matches get in, and no rule denies these: this grant changes nothing",
    suggestion: "write {daemon}: ALL into hosts.deny to keep others out",
    example: { allow: "nrpe: 192.0.2.1\n", deny: "nrpe: 198.51.100.0/24\n" },
  },
  "nothing-denies/all": {
    warning:
      "clients that no rule matches get in, and no rule denies a client: this grant changes nothing",
    suggestion: "write {daemon}: ALL into hosts.deny",
    example: { allow: "ALL: 192.0.2.1\n" },
  },
  "nothing-denies/daemon": {
    warning:
      "clients that no rule matches get in, and no rule denies {daemon} to others: this grant changes nothing",
    suggestion: "write {daemon}: ALL into hosts.deny",
    example: { allow: "nrpe: 192.0.2.1\n", deny: "sshd: ALL\n" },
  },
} as const satisfies Readonly<Record<string, Row>>;

/** The name of a case. */
export type CaseName = keyof typeof CATALOGUE;

/** A name that scripts rely on, such as `host-bits-set`. */
export type Code = CodeOf<CaseName>;
type CodeOf<Name> = Name extends `${infer Code}/${string}` ? Code : Name;

/** The arguments of a case: an object with a value for each `{name}` in its texts. */
export type Values<Name extends CaseName> = [Placeholder<Name>] extends [never] ? []
  : [values: Readonly<Record<Placeholder<Name>, string | number>>];
type Placeholder<Name> = Name extends CaseName ? PlaceholderOfRow<(typeof CATALOGUE)[Name]> : never;
type PlaceholderOfRow<Case> = PlaceholderIn<Case[Exclude<keyof Case, "example">]>;
type PlaceholderIn<Text> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PlaceholderIn<Rest>
  : never;
