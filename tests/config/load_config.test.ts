import { describe, expect, test } from "bun:test";
import { loadConfig } from "../../lib/config/load_config.ts";
import type { ConfigFiles } from "../../lib/config/draft.ts";
import type { Config, ConfigResult, WholeConfig } from "../../lib/config/config.ts";

/** In place of a text: a file or directory that cannot be read, and an entry that may be either. */
const UNREADABLE = "\0unreadable";
const ODD = "\0odd";

/** Files by path; a directory follows from the paths below it. */
type Tree = Readonly<Record<string, string>>;

function filesOf(tree: Tree, links: Readonly<Record<string, string>> = {}): ConfigFiles {
  return {
    read(path) {
      const content = tree[links[path] ?? path];
      if (content === UNREADABLE) return { kind: "failure", reason: "Permission denied" };
      if (content === undefined) return { kind: "missing", reason: "No such file or directory" };
      return { kind: "content", content };
    },
    list(path) {
      if (tree[path] === UNREADABLE) return { kind: "failure", reason: "Permission denied" };
      const below = Object.keys(tree).filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1).split("/"));
      if (below.length === 0) return { kind: "missing", reason: "No such file or directory" };
      const isOdd = (name: string) => tree[`${path}/${name}`] === ODD;
      const names = below.filter((parts) => parts.length === 1).map(([name]) => name!);
      const files = names.filter((name) => !isOdd(name));
      const odd = names.filter(isOdd).map((name) => ({ name, reason: "Permission denied" }));
      const directories = below.filter((parts) => parts.length > 1).map(([name]) => name!);
      return { kind: "content", content: { files, directories: [...new Set(directories)], odd } };
    },
    identify: (path) => links[path] ?? path,
  };
}

function load(text: string, rest: Tree = {}): ConfigResult {
  return loadConfig("/n.cfg", filesOf({ "/n.cfg": text, ...rest }));
}

function configOf(text: string, rest: Tree = {}): WholeConfig {
  const result = load(text, rest);
  if (result.kind === "failure") throw new Error(JSON.stringify(result.findings));
  return result.config;
}

const messagesOf = ({ findings }: ConfigResult) => findings.map(({ message }) => message);
const at = (line: number) => ` in config file '/n.cfg' - Line ${line}`;

describe("loadConfig()", () => {
  test("gives every directive its default", () => {
    const { commands, positions, directories, ...settings } = configOf("");
    expect(commands.size + positions.size + directories.size).toBe(0);
    expect(settings).toMatchObject({
      server_port: 5666,
      address_family: "any",
      allowed_hosts: undefined,
      dont_blame_nrpe: false,
      allow_bash_command_substitution: false,
      nasty_metachars: "|`&><'\\[]{};\r\n",
      command_timeout: 60,
      connection_timeout: 300,
      max_commands: 0,
      debug: false,
      log_facility: 24,
      disable_syslog: false,
      ssl_enabled: true,
      ssl_version: { least: "TLSv1.2", most: "TLSv1.3" },
      ssl_client_certs: 0,
      ssl_use_adh: 1,
      ssl_logging: 0,
      ssl_shutdown_timeout: 15,
    });
  });

  const values: readonly [line: string, name: keyof Config, value: unknown][] = [
    ["server_port=1024", "server_port", 1024],
    ["server_address=::1, 192.0.2.1", "server_address", ["::1", "192.0.2.1"]],
    ["address_family=both", "address_family", "any"],
    ["address_family=6", "address_family", 6],
    ["listen_queue_size=5", "listen_queue_size", 5],
    ["nrpe_user=nagios", "nrpe_user", "nagios"],
    ["nrpe_group=1000", "nrpe_group", "1000"],
    ["pid_file=/run/x", "pid_file", "/run/x"],
    ["dont_blame_nrpe=1", "dont_blame_nrpe", true],
    ["allow_bash_command_substitution=1", "allow_bash_command_substitution", true],
    ["nasty_metachars=a\\n\\t\\\\\\x", "nasty_metachars", "a\n\t\\\\x"],
    ["command_prefix=/usr/bin/sudo", "command_prefix", "/usr/bin/sudo"],
    ["command_timeout= 5", "command_timeout", 5],
    ["connection_timeout=1", "connection_timeout", 1],
    ["max_commands=7", "max_commands", 7],
    ["keep_env_vars=A, B,,C", "keep_env_vars", ["A", "B", "C"]],
    ["\tdebug=1 \r", "debug", true],
    ["log_facility=LOCAL3", "log_facility", 19 << 3],
    ["log_file=/var/log/x", "log_file", "/var/log/x"],
    ["disable_syslog=1", "disable_syslog", true],
    ["ssl_enabled=0", "ssl_enabled", false],
    ["ssl_version=TLSv1.1+", "ssl_version", { least: "TLSv1.1", most: "TLSv1.3" }],
    ["ssl_version=tlsv1.3", "ssl_version", { least: "TLSv1.3", most: "TLSv1.3" }],
    ["ssl_cipher_list=ALL:!MD5=x", "ssl_cipher_list", "ALL:!MD5=x"],
    ["ssl_cert_file=/c", "ssl_cert_file", "/c"],
    ["ssl_privatekey_file=/k", "ssl_privatekey_file", "/k"],
    ["ssl_cacert_file=/a", "ssl_cacert_file", "/a"],
    ["ssl_client_certs=2", "ssl_client_certs", 2],
    ["ssl_use_adh=0", "ssl_use_adh", 0],
    ["ssl_logging=0x2f", "ssl_logging", 0x2f],
    ["ssl_logging=017", "ssl_logging", 15],
    ["ssl_shutdown_timeout=3", "ssl_shutdown_timeout", 3],
    ["allow_weak_random_seed=1", "allow_weak_random_seed", true],
    ["debug=0\ndebug=1", "debug", true],
    ["# comment\n  # another\n\ndebug=1", "debug", true],
    [
      "allowed_hosts=127.0.0.1, 10.0.0.0/8,::1,2001:db8::/32, mon.example.org",
      "allowed_hosts",
      [
        { kind: "net", address: [127, 0, 0, 1], length: 32 },
        { kind: "net", address: [10, 0, 0, 0], length: 8 },
        { kind: "net", address: [...new Array(15).fill(0), 1], length: 128 },
        { kind: "net", address: [0x20, 1, 0x0d, 0xb8, ...new Array(12).fill(0)], length: 32 },
        { kind: "name", name: "mon.example.org" },
      ],
    ],
  ];

  test.each(values)("reads %j", (line, name, value) => {
    const result = load(line);
    expect(messagesOf(result)).toEqual([]);
    expect(configOf(line)[name]).toEqual(value as never);
  });

  test.each([
    ["command[a]=/bin/true", "a", "/bin/true"],
    ["command[a b]=c d # e = f", "a b", "c d # e = f"],
    ["command[\xe4]=\xe4 \xa0", "\xe4", "\xe4 \xa0"],
  ])("defines %j", (line, name, definition) => {
    const result = load(line);
    expect(messagesOf(result)).toEqual([]);
    const position = { file: "/n.cfg", line: 1 };
    expect(configOf(line).commands.get(name)).toEqual({ name, line: definition, position });
  });

  const doubtful: readonly [text: string, name: string, line: string, message: string][] = [
    ["command[x]y=z", "x", "z", `Doubtful command[x]${at(1)}: it is read as command[x]`],
    ["command[x=z", "x", "z", `Doubtful command[x]${at(1)}: it is read as command[x]`],
    ["command[a]]=c", "a", "c", `Doubtful command[a]${at(1)}: it is read as command[a]`],
    ["command[a=b]=c", "a", "b]=c", `Doubtful command[a]${at(1)}: it is read as command[a]`],
    ["command [x] = y", "x", "y", `Doubtful command[x]${at(1)}: it is read as command[x]`],
    ["command[x] = y", "x", "y", `Doubtful command[x]${at(1)}: there is a blank before the =`],
    [
      "command[x]=a\ncommand[x]=b",
      "x",
      "b",
      `Doubtful command[x]${at(2)}: it replaces the one in /n.cfg:1`,
    ],
  ];

  test.each(doubtful)("reads %j with a warning", (text, name, line, message) => {
    expect(messagesOf(load(text))).toEqual([message]);
    expect(configOf(text).commands.get(name)?.line).toBe(line);
  });

  const warnings: readonly [text: string, message: string, name: keyof Config, value: unknown][] = [
    ["debug = 1", `Doubtful debug${at(1)}: there is a blank before the =`, "debug", true],
    [
      "debug=yes",
      `Invalid debug specified${at(1)}: 'yes', read as 0: write 1 or 0`,
      "debug",
      false,
    ],
    ["debug=2", `Invalid debug specified${at(1)}: '2', read as 0: write 1 or 0`, "debug", false],
    [
      "command_timeout=5x",
      `Invalid command_timeout specified${at(1)}: '5x', read as 5`,
      "command_timeout",
      5,
    ],
    [
      "max_commands=-1",
      `Invalid max_commands specified${at(1)}: '-1', max_commands set too low, read as 0`,
      "max_commands",
      0,
    ],
    [
      "max_commands=2147483648",
      `Invalid max_commands specified${
        at(1)
      }: '2147483648', max_commands set too high, read as 0 ` +
      "(no limit)",
      "max_commands",
      0,
    ],
    [
      "listen_queue_size=-1",
      `Invalid listen_queue_size specified${at(1)}: '-1', read as the most that the kernel allows`,
      "listen_queue_size",
      0x7fffffff,
    ],
    [
      "ssl_client_certs=x",
      `Invalid ssl_client_certs specified${at(1)}: 'x', read as 0`,
      "ssl_client_certs",
      0,
    ],
    [
      "ssl_version=SSLv3+",
      `Invalid ssl_version specified${at(1)}: 'SSLv3+', read as TLSv1+`,
      "ssl_version",
      { least: "TLSv1", most: "TLSv1.3" },
    ],
    [
      "allowed_hosts=300.1.1.1",
      `Invalid allowed_hosts specified${at(1)}: '300.1.1.1', "300.1.1.1" is left out: ` +
      "not an IPv4 address; nobody is allowed by it",
      "allowed_hosts",
      [],
    ],
    [
      "comand_timeout=5",
      `Unknown option specified${at(1)}: comand_timeout (did you mean command_timeout?)`,
      "command_timeout",
      60,
    ],
    ["nonsense=1", `Unknown option specified${at(1)}: nonsense`, "debug", false],
    [
      "include=/missing",
      "Unable to open config file '/missing' for reading: No such file or directory; included" +
      `${at(1)}; continuing without it`,
      "debug",
      false,
    ],
    [
      "include_dir=/missing",
      "Could not open config directory '/missing' for reading: No such file or directory; " +
      `included${at(1)}; continuing without it`,
      "debug",
      false,
    ],
  ];

  test.each(warnings)("warns of %j", (text, message, name, value) => {
    const result = load(text);
    expect(result.kind).toBe("config");
    expect(messagesOf(result)).toEqual([message]);
    expect(configOf(text)[name]).toEqual(value as never);
  });

  test("adds up the lists of allowed_hosts, wherever they stand", () => {
    const config = configOf("allowed_hosts=a\ninclude=/i\nallowed_hosts=c\n", {
      "/i": "allowed_hosts=b,d\n",
    });
    const names = config.allowed_hosts?.map((host) => host.kind === "name" ? host.name : "");
    expect(names).toEqual(["a", "b", "d", "c"]);
    expect(config.positions.get("allowed_hosts")).toEqual({ file: "/n.cfg", line: 3 });
  });

  test("shows the beginning of a long value, and what is wrong with it", () => {
    const [message] = messagesOf(load(`allowed_hosts=${"127.0.0.1,".repeat(1000)}a b\n`));
    expect(message!.length).toBeLessThan(400);
    expect(message).toEndWith(`...', "a b" allows a alone: items are separated by commas`);
  });

  const lines = ": a line is name=value, or begins with # as a comment";
  const errors: readonly [text: string, message: string][] = [
    ["foo", `No variable value specified${at(1)}${lines}`],
    ["foo=", `No variable value specified${at(1)}${lines}`],
    ["=bar", `No variable value specified${at(1)}${lines}`],
    ["=", `No variable name specified${at(1)}${lines}`],
    ["debug=1\ncommand[x]= ", `No variable value specified${at(2)}${lines}`],
    [
      "command[]=y",
      `Invalid command specified${at(1)}: a command is defined as command[name]=line`,
    ],
    [
      "command_timeout=0",
      `Invalid command_timeout specified${at(1)}: '0', but it must be a number of seconds ` +
      "from 1 to 2147483647",
    ],
    [
      // No blank, as isspace(3) has it.
      "command_timeout=\xa05",
      `Invalid command_timeout specified${at(1)}: '\xa05', but it must be a number of seconds ` +
      "from 1 to 2147483647",
    ],
    [
      "connection_timeout=2147483648",
      `Invalid connection_timeout specified${at(1)}: '2147483648', but it must be a number of ` +
      "seconds from 1 to 2147483647",
    ],
    [
      "server_port=80",
      `Invalid server_port specified${at(1)}: '80', but it must be a port from 1024 to 65535`,
    ],
    [
      "ssl_version=foo",
      `Invalid ssl_version specified${at(1)}: 'foo', but it must be TLSv1, TLSv1.1, TLSv1.2 or ` +
      "TLSv1.3, with + behind it for newer ones too",
    ],
    [
      "ssl_use_adh=2",
      `Invalid ssl_use_adh specified${at(1)}: '2', but the TLS library has no anonymous DH to ` +
      "insist on; use 0, or leave it out",
    ],
    [
      "ssl_client_certs=5",
      `Invalid ssl_client_certs specified${at(1)}: '5', but it must be 0 (don't ask), 1 (ask) or ` +
      "2 (require)",
    ],
    [
      `a=${"x".repeat(65536)}\nfoo`,
      `Line too long${at(1)}: it has more than 65536 bytes`,
    ],
    ["debug=1\n\0\0\nfoo", `Not a text file${at(2)}: it holds a NUL byte`],
  ];

  test.each(errors)("fails on %j", (text, message) => {
    const result = load(text);
    expect(result.kind).toBe("failure");
    expect(messagesOf(result)).toEqual([message]);
  });

  const unread: readonly [text: string, rest: Tree, message: string][] = [
    [
      "include=/a",
      { "/a": UNREADABLE },
      `Unable to open config file '/a' for reading: Permission denied; included${at(1)}`,
    ],
    [
      "include_dir=/d",
      { "/d": UNREADABLE },
      `Could not open config directory '/d' for reading: Permission denied; included${at(1)}`,
    ],
    [
      "include_dir=/d",
      { "/d/a.cfg": "", "/d/b.cfg": UNREADABLE },
      `Unable to open config file '/d/b.cfg' for reading: Permission denied; included${at(1)}`,
    ],
  ];

  test.each(unread)("fails on %j with %j", (text, rest, message) => {
    const result = load(text, rest);
    expect(result.kind).toBe("failure");
    expect(messagesOf(result)).toEqual([message]);
  });

  test("warns of an entry that cannot be followed, unless it was a directory before", () => {
    const text = "include_dir=/d\n";
    const message = `Could not tell what '/d/sub' is: Permission denied; included${at(1)}`;
    const odd = filesOf({ "/n.cfg": text, "/d/a.cfg": "debug=1\n", "/d/sub": ODD, "/d/.x": ODD });
    const first = loadConfig("/n.cfg", odd);
    if (first.kind === "failure") throw new Error(JSON.stringify(first.findings));
    expect(messagesOf(first)).toEqual([`${message}; continuing without it`]);
    expect(first.config.debug).toBe(true);
    expect(loadConfig("/n.cfg", odd, first.config).kind).toBe("config");
    const before = configOf(text, { "/d/a.cfg": "", "/d/sub/b.cfg": "" });
    const again = loadConfig("/n.cfg", odd, before);
    expect(again.kind).toBe("failure");
    expect(messagesOf(again)).toEqual([message]);
  });

  test("fails when the file itself cannot be read", () => {
    expect(loadConfig("/missing", filesOf({}))).toMatchObject({
      kind: "failure",
      log: { log_file: undefined, log_facility: 3 << 3, disable_syslog: false, debug: false },
      findings: [{
        severity: "error",
        position: { file: "/missing", line: 0 },
        message: "Unable to open config file '/missing' for reading: No such file or directory",
      }],
    });
  });

  test("counts warnings beyond the fiftieth instead of listing them", () => {
    const unknown = Array.from({ length: 1000 }, (_, line) => `unknown_${line}=1\n`).join("");
    const { kind, findings } = load(unknown);
    expect(kind).toBe("config");
    expect(findings.length).toBe(51);
    expect(findings.at(-1)).toEqual({
      severity: "warning",
      code: "more-warnings",
      position: { file: "/n.cfg", line: 0 },
      message: `950 more warnings about config file '/n.cfg' are not shown`,
    });
  });

  test("lists errors before warnings, and every finding that differs by more than its line", () => {
    const wrong = Array.from({ length: 150 }, (_, at) => `unknown_${at}=1\nserver_port=${at}\n`);
    const { findings } = load(wrong.join(""));
    expect(findings.map(({ severity }) => severity).join(" ")).toBe(
      `${"error ".repeat(150)}${"warning ".repeat(51)}`.trim(),
    );
    expect(findings[149]?.message).toStartWith(`Invalid server_port specified${at(300)}: '149'`);
  });

  test("counts the lines beyond a hundred that are wrong in the same way, and still shows others", () => {
    const messages = messagesOf(load(`${"x\n".repeat(1000)}debug=1\ncommand_timeout=soon\n`));
    expect(messages).toHaveLength(102);
    expect(messages[0]).toStartWith(`No variable value specified${at(1)}: `);
    expect(messages[99]).toStartWith(`No variable value specified${at(100)}: `);
    expect(messages[100]).toStartWith(`Invalid command_timeout specified${at(1002)}: `);
    expect(messages[101]).toMatch(/ - Line 1000: .* \(and 899 more like it before this line\)$/);
  });

  test("says where to log errors, as far as that could be read", () => {
    const result = load("foo\nlog_file=/var/log/nrpe.log\nlog_facility=local3\ndebug=1\n");
    expect(result).toMatchObject({
      kind: "failure",
      log: {
        log_file: "/var/log/nrpe.log",
        log_facility: 19 << 3,
        disable_syslog: false,
        debug: true,
      },
    });
  });

  test("warns of a command that its own file defines twice, and of no other", () => {
    const result = load("command[x]=1\ncommand[y]=1\ninclude=/i\ncommand[x]=4\n", {
      "/i": "command[y]=2\ncommand[z]=2\ncommand[z]=3\n",
    });
    expect(messagesOf(result)).toEqual([
      "Doubtful command[z] in config file '/i' - Line 3: it replaces the one in /i:2",
      `Doubtful command[x]${at(4)}: it replaces the one in /n.cfg:1`,
    ]);
  });

  test("reads includes in place, directories in byte order with what lies below them", () => {
    const config = configOf("command[a]=1\ninclude=/i\ninclude_dir=/d\ncommand[z]=1\n", {
      "/i": "command[i]=1\ndebug=1\n",
      "/d/b.cfg": "command[b]=1\n",
      "/d/B.cfg": "command[B]=1\ndebug=0\n",
      "/d/b.cfg.bak": "command[bak]=1\n",
      "/d/sub/s.cfg": "command[s]=1\n",
      "/d/.hidden/h.cfg": "command[h]=1\n",
    });
    expect([...config.commands.keys()]).toEqual(["a", "i", "B", "b", "s", "z"]);
    expect(config.debug).toBe(false);
    expect(config.positions.get("debug")).toEqual({ file: "/d/B.cfg", line: 2 });
  });

  test("names the chain of an include cycle", () => {
    const result = load("include=/a\n", { "/a": "\ninclude_file=/b\n", "/b": "include=/n.cfg\n" });
    expect(result.kind).toBe("failure");
    expect(messagesOf(result)).toEqual([
      "Include cycle in config file '/b' - Line 1: /n.cfg -> /a -> /b -> /n.cfg",
    ]);
  });

  test("finds a cycle through a link", () => {
    const files = filesOf({ "/n.cfg": "include=/link\n" }, { "/link": "/n.cfg" });
    expect(messagesOf(loadConfig("/n.cfg", files))).toEqual([
      `Include cycle${at(1)}: /n.cfg -> /n.cfg`,
    ]);
  });

  test("includes a file twice where that is no cycle", () => {
    expect(messagesOf(load("include=/a\ninclude=/a\n", { "/a": "debug=1\n" }))).toEqual([]);
  });
});
