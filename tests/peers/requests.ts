import { byteStringOf } from "../../lib/bytes.ts";

const PLUGINS = "/usr/lib/nagios/plugins";

/**
 * How long commands that end may run, in seconds: on a busy machine, many at once, they need more than
 * usual.
 */
export const AMPLE = 100;

/** Command lines that end, and whose answers must be the same, byte for byte. */
export const COMMANDS: Readonly<Record<string, string>> = {
  // Real plugins.
  load_ok: `${PLUGINS}/check_load -w 9999,9999,9999 -c 9999,9999,9999 | cut -d: -f1`,
  load_usage: `${PLUGINS}/check_load`,
  load_help: `${PLUGINS}/check_load --help`,
  disk: `${PLUGINS}/check_disk -t ${AMPLE} -w 0% -c 0% -p /proc`,
  disk_missing: `${PLUGINS}/check_disk -t ${AMPLE} -w 20% -c 10% -p /nonexistent`,
  users: `${PLUGINS}/check_users -w 500 -c 1000`,
  users_critical: `${PLUGINS}/check_users -w 500 -c 1000 -x`,
  procs: `${PLUGINS}/check_procs -t ${AMPLE} -w 1: -c 1: -C no-such-process`,
  procs_init: `${PLUGINS}/check_procs -t ${AMPLE} -w 1:1 -c 1:1 -p 0 -s Z -C no-such-process`,
  dummy_ok: `${PLUGINS}/check_dummy 0 fine`,
  dummy_warning: `${PLUGINS}/check_dummy 1 "so so"`,
  dummy_critical: `${PLUGINS}/check_dummy 2 'bad'`,
  dummy_unknown: `${PLUGINS}/check_dummy 3 what`,
  file_age: `${PLUGINS}/check_file_age -w 1 -c 2 -f /nonexistent`,
  negate: `${PLUGINS}/negate ${PLUGINS}/check_dummy 2 turned`,
  tcp_refused: `${PLUGINS}/check_tcp -t ${AMPLE} -H 127.0.0.1 -p 1`,
  // What plugins write.
  ok: "/bin/echo OK",
  perfdata: "/bin/echo 'DISK OK - 10% | /=5MB;10;20;0;100'",
  multiline: "printf 'first | a=1\\nsecond\\nthird | b=2\\nc=3\\n'",
  newlines: "printf 'a\\n\\n\\n'",
  only_newline: "echo",
  two_newlines: "printf '\\n\\n'",
  leading_newline: "printf '\\nsecond\\n'",
  blank: "printf ' '",
  no_newline: "printf text",
  carriage_return: "printf 'a\\r\\n'",
  tabs: "printf 'a\\tb\\n'",
  percent: "printf '%%s %%n %%d\\n'",
  utf8: "printf 'K\\303\\244se 20 \\342\\202\\254\\n'",
  latin1: "printf 'K\\344se\\n'",
  control: "printf '\\001\\033[31mred\\033[0m\\177\\n'",
  nothing: "/bin/true",
  bytes_1: "printf x",
  bytes_1022: "head -c 1022 /dev/zero | tr '\\0' x",
  bytes_1023: "head -c 1023 /dev/zero | tr '\\0' x",
  bytes_1024: "head -c 1024 /dev/zero | tr '\\0' x",
  bytes_1025: "head -c 1025 /dev/zero | tr '\\0' x",
  bytes_5000: "head -c 5000 /dev/zero | tr '\\0' x",
  bytes_65000: "head -c 65000 /dev/zero | tr '\\0' x",
  nul_inside: "printf 'a\\0b\\n'",
  nul_first: "printf '\\0b\\n'",
  binary: "awk 'BEGIN { for (i = 1; i < 256; i++) printf \"%c\", i }'",
  stderr: "echo seen; echo unseen >&2",
  only_stderr: "echo unseen >&2",
  to_dev_stdout: "echo through > /dev/stdout",
  // How plugins end.
  exit_0: "echo t; exit 0",
  exit_1: "echo t; exit 1",
  exit_2: "echo t; exit 2",
  exit_3: "echo t; exit 3",
  exit_4: "echo t; exit 4",
  exit_5: "echo t; exit 5",
  exit_127: "echo t; exit 127",
  exit_255: "echo t; exit 255",
  exit_2_silent: "exit 2",
  killed: "echo t; kill -KILL $$$$",
  terminated: "echo t; kill -TERM $$$$",
  aborted: "echo t; kill -ABRT $$$$",
  killed_silent: "kill -KILL $$$$",
  // What a shell makes of a line.
  missing: "/nonexistent/plugin",
  missing_word: "no-such-command-anywhere",
  not_executable: "/etc/hostname",
  directory: "/etc",
  pipe: "echo a b c | wc -w",
  redirection: "echo hidden > /dev/null; echo shown",
  and: "true && echo yes || echo no",
  builtin: "type cd",
  relative: "cd /bin && ./echo relative",
  path_lookup: "echo looked-up",
  quoted: "'/bin/echo' \"double quoted\" 'single quoted'",
  blanks: "/bin/echo   many    blanks  ",
  tabs_between: "/bin/echo\ta\tb",
  plain_characters: "/bin/echo a-b_c.d,e/f:g=h@i%j+k",
  tilde: "echo ~nobody",
  glob: "echo /bin/ech[o]",
  comment: "echo a # b",
  variable: "echo $LANG-$HOME",
  substitution: "echo $$(echo inner) `echo other`",
  assignment: "X=5 sh -c 'echo $$X'",
  environment: "env | grep -v '^NRPE_PROGRAMVERSION=' | grep -v '^_=' | sort",
  dollars: "echo '$$$$ $$ a$$b'",
  macro_without_arguments: "echo '<$ARG1$>' '<$ARG16$>'",
  other_macro: "echo '<$HOSTNAME$>'",
  working_directory: "pwd",
  limits: "ulimit -n; ulimit -c; umask",
  // Programs that start another one, and may behave differently as leaders of a process group.
  setsid: `/usr/bin/setsid ${PLUGINS}/check_dummy 2 bad`,
  setsid_by_name: `setsid ${PLUGINS}/check_dummy 2 bad`,
  setsid_in_shell: `cd / && setsid ${PLUGINS}/check_dummy 2 bad`,
  setsid_within: `/usr/bin/env /usr/bin/setsid ${PLUGINS}/check_dummy 2 bad`,
  setsid_call: 'perl -e \'use POSIX; print POSIX::setsid() > 0 ? "own" : "none"; exit 1\'',
  nice: `/usr/bin/nice -n 5 ${PLUGINS}/check_dummy 2 bad`,
  timeout: `/usr/bin/timeout ${AMPLE} ${PLUGINS}/check_dummy 2 bad`,
  sudo: `/usr/bin/sudo -n ${PLUGINS}/check_dummy 2 bad`,
  env: `/usr/bin/env A=b ${PLUGINS}/check_dummy 2 bad`,
  nohup: `/usr/bin/nohup ${PLUGINS}/check_dummy 2 bad`,
  ionice: `/usr/bin/ionice -c 3 ${PLUGINS}/check_dummy 2 bad`,
  flock: `/usr/bin/flock /tmp ${PLUGINS}/check_dummy 2 bad`,
  chrt: `/usr/bin/chrt -b 0 ${PLUGINS}/check_dummy 2 bad`,
  stdbuf: `/usr/bin/stdbuf -oL ${PLUGINS}/check_dummy 2 bad`,
  unshare: `/usr/bin/unshare --user ${PLUGINS}/check_dummy 2 bad`,
  // The shell of a variable's name, which a plain program has not.
  trailing_semicolon: "echo a;",
  newline_free: "printf '%s' end",
};

/** Command lines that only a time-out ends, and whose answers must be the same, byte for byte. */
export const ENDLESS: Readonly<Record<string, string>> = {
  slow: "sleep 1000",
  slow_after_output: "echo begun; sleep 1000",
};

/** A command line whose answer differs on purpose. */
export interface Difference {
  readonly line: string;
  readonly why: string;
  /** What check_nrpe prints of our answer, without and with -2, and its exit status. */
  readonly output: string;
  readonly output2: string;
  readonly status: number;
}

export const DIFFERENT: Readonly<Record<string, Difference>> = {
  background: {
    line: `echo begun; sleep ${AMPLE + 50} &`,
    why: "a process left behind holds the C agent's answer back until the time-out",
    output: "begun\n",
    output2: "begun\n",
    status: 0,
  },
  bytes_65535: {
    line: "head -c 65535 /dev/zero | tr '\\0' x; exit 1",
    why: "the C agent loses the last bytes",
    output: `${"x".repeat(65535)}\n`,
    output2: `${"x".repeat(1023)}\n`,
    status: 1,
  },
  bytes_70000: {
    line: "head -c 70000 /dev/zero | tr '\\0' x; exit 2",
    why: "the C agent drops the end of what fits, and newer ones its exit status",
    output: `${"x".repeat(65535)}\n`,
    output2: `${"x".repeat(1023)}\n`,
    status: 2,
  },
  long_utf8: {
    line: "yes € | head -n 30000 | tr -d '\\n'; exit 2",
    why: "the C agent cuts in the middle of a character",
    output: `${byteStringOf("€").repeat(21845)}\n`,
    output2: `${byteStringOf("€").repeat(341)}\n`,
    status: 2,
  },
  child_killed: {
    line: "echo t; sh -c 'kill -KILL $$$$'",
    why: "with the C agent the state depends on whether its shell has become the plugin",
    output: "t\n",
    output2: "t\n",
    status: 2,
  },
  unpaired_dollar: {
    line: "echo $(echo inner)",
    why: "the C agent adds a dollar sign to the end of such a line",
    output: "inner\n",
    output2: "inner\n",
    status: 0,
  },
  standard_input: {
    line: "cat; echo end",
    why: "the C agent leaves the client's connection to its plugins, which wait for it to end",
    output: "end\n",
    output2: "end\n",
    status: 0,
  },
};

/** Requests that never reach a plugin. */
export const REQUESTS: readonly (readonly string[])[] = [
  ["-c", "undefined"],
  ["-c", "OK"],
  ["-c", " ok"],
  ["-c", "ok "],
  ["-c", "a|b"],
  ["-c", "ok;id"],
  ["-c", "ok`id`"],
  ["-c", "ok$(id)"],
  ["-c", "ok", "-a", "argument"],
  ["-c", "ok", "-a", "two", "arguments"],
  ["-c", "ok!argument"],
  ["-c", "x".repeat(900)],
];
