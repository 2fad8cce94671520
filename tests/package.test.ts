/** The packages: what is in them, for whom, and that one order makes one package. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "../lib/version.ts";
import { debianChangelog, packageVersion } from "../tools/package/changelog.ts";
import { commonContents, DEBIAN, RED_HAT, sampleConfiguration } from "../tools/package/contents.ts";
import { makeDeb } from "../tools/package/deb.ts";
import { readProgram } from "../tools/package/elf.ts";
import { fill, type Order } from "../tools/package/order.ts";
import { makeRpm } from "../tools/package/rpm.ts";
import { peersMissing } from "./support/peers.ts";
import { BINARY, makeRoom, type Room } from "./support/room.ts";

const MAINTAINER = "Someone <someone@example.org>";
const MAKER = { maintainer: MAINTAINER, date: new Date("2026-01-02T03:04:05Z") };
/** What differs between versions is not in the lists. */
const DOC = "/usr/share/doc/nrpe-one";
const COMMON = `
-rwxr-xr-x root root /usr/sbin/nrpe
-rw-r--r-- root root /etc/logrotate.d/nrpe-one
drwxr-xr-x root root /etc/nagios
drwxr-xr-x root root /etc/nagios/nrpe.d
-rw-r--r-- root root /usr/lib/systemd/system/nrpe-each.socket
-rw-r--r-- root root /usr/lib/systemd/system/nrpe-each@.service
-rw-r--r-- root root /usr/lib/systemd/system/nrpe-socket.service
-rw-r--r-- root root /usr/lib/systemd/system/nrpe-socket.socket
-rw-r--r-- root root /usr/lib/systemd/system/nrpe.service
-rw-r--r-- root root /usr/lib/sysusers.d/nrpe-one.conf
-rw-r--r-- root root /usr/lib/tmpfiles.d/nrpe-one.conf
-rw-r--r-- root root /usr/share/bash-completion/completions/nrpe
-rw-r--r-- root root /usr/share/fish/vendor_completions.d/nrpe.fish
-rw-r--r-- root root /usr/share/nrpe-one/nrpe.cfg
-rw-r--r-- root root /usr/share/man/man5/nrpe-access.5.gz
-rw-r--r-- root root /usr/share/man/man5/nrpe.cfg.5.gz
-rw-r--r-- root root /usr/share/man/man8/nrpe.8.gz
drwxr-xr-x root root ${DOC}
drwxr-xr-x root root ${DOC}/docs
drwxr-xr-x root root ${DOC}/examples
-rw-r--r-- root root ${DOC}/examples/hardened.conf
-rw-r--r-- root root ${DOC}/examples/inetd.conf
-rw-r--r-- root root ${DOC}/examples/xinetd.nrpe`.trim().split("\n");
const ONLY_DEB = `
-rw-r--r-- root root /etc/apparmor.d/nrpe
drwxr-xr-x root root /usr/share/nrpe-one
-rw-r--r-- root root /usr/share/lintian/overrides/nrpe-one
-rw-r--r-- root root /usr/share/zsh/vendor-completions/_nrpe
-rw-r--r-- root root ${DOC}/changelog.gz
-rw-r--r-- root root ${DOC}/copyright`.trim().split("\n");
const ONLY_RPM = `
-rw-r--r-- root root /etc/nagios/nrpe.cfg
drwx------ nrpe nrpe /var/lib/nrpe
drwxr-xr-x root root /usr/share/nrpe-one
-rw-r--r-- root root /usr/share/zsh/site-functions/_nrpe
drwxr-xr-x root root /usr/share/licenses/nrpe-one
-rw-r--r-- root root /usr/share/licenses/nrpe-one/copyright`.trim().split("\n");

let room: Room;
let order: Order;

beforeEach(() => {
  room = makeRoom();
  const output = join(room.path, "out");
  mkdirSync(output);
  const binary = room.file("stand-in", "not the agent, which is large\n", 0o700);
  const program = { architecture: "arm64", glibc: "2.17" } as const;
  order = { binary, program, version: VERSION, maker: MAKER, output };
});

afterEach(() => room[Symbol.dispose]());

/** A directory to make a package in. */
function workplace(name: string): string {
  const path = join(room.path, name);
  mkdirSync(path);
  return path;
}

function run(...command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command]);
  expect([command.join(" "), exitCode, stderr.toString()]).toEqual([command.join(" "), 0, ""]);
  return stdout.toString();
}

/** Lines such as `-rw-r--r-- root root /path` of a listing, without pages and what only holds others. */
function listed(lines: readonly string[], only: readonly string[]): readonly string[] {
  const parents = [...COMMON, ...only].map((line) => `${line.split(" ")[3]}`);
  return lines.filter((line) => {
    const path = line.split(" ")[3]!;
    const holdsOthers = line.startsWith("d") && parents.some((one) => one.startsWith(`${path}/`));
    const isExpected = [...COMMON, ...only].includes(line);
    return !path.startsWith(`${DOC}/docs/`) && (isExpected || !holdsOthers);
  }).sort();
}

const sorted = (...lists: readonly (readonly string[])[]) => lists.flat().sort();

describe("readProgram()", () => {
  test("reads what the agent needs", () => {
    expect(readProgram(BINARY)).toEqual({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      glibc: "2.17",
    });
  });

  test.each([
    ["an empty file", ""],
    ["a script", `#!/bin/sh\n${"#".repeat(100)}`],
    ["half a program", readFileSync(process.execPath).subarray(0, 1000)],
  ])("throws for %s", (_, content) => {
    const path = room.file("program", content);
    expect(() => readProgram(path)).toThrow(SyntaxError);
  });
});

test.each([["1.2.3", "1.2.3"], ["1.2.3-rc.1", "1.2.3~rc.1"]])(
  "packageVersion(%p) is %p",
  (version, expected) => expect(packageVersion(version)).toBe(expected),
);

test("fill() throws where a name has no value", () => {
  expect(fill("a @B@ c", { B: "$&" })).toBe("a $& c");
  expect(() => fill("@NAME@", {})).toThrow("@NAME@");
});

test("the change log has each version as deb-changelog(5) wants it", () => {
  const text = debianChangelog(VERSION, MAKER);
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  const entries = text.split(/^(?=nrpe-one )/m);
  expect(entries[0]).toStartWith(
    `nrpe-one (${packageVersion(VERSION)}) unstable; urgency=medium\n`,
  );
  for (const entry of entries) {
    expect(entry).toMatch(
      /^nrpe-one \([^ ]+\) unstable; urgency=medium\n\n(( {2}.*)?\n)+ -- Someone <someone@example\.org> {2}\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\n+$/,
    );
  }
});

describe.each([["Debian", DEBIAN], ["Red Hat", RED_HAT]])("the files for %s", (_, system) => {
  const texts = commonContents(system, BINARY).flatMap((entry) =>
    entry.kind === "file" && typeof entry.content === "string" && !entry.path.includes("/docs/")
      ? [[entry.path, entry.content] as const]
      : []
  );

  test("name the program and the user that the package has", () => {
    for (const [path, text] of texts) {
      if (path.includes("/man/")) continue;
      expect([path, text.match(/.*\/usr\/local\/bin\/nrpe.*/g)]).toEqual([path, null]);
      if (system.user === "nagios") continue;
      const strange = text.match(/.*\bnagios\b.*/g)?.filter((line) =>
        !line.includes("/etc/nagios/") && !line.includes(system.plugins)
      );
      expect([path, strange ?? []]).toEqual([path, []]);
    }
  });

  test("have units that read the options of the C agent's service", () => {
    const units = texts.filter(([path]) => path.endsWith(".service"));
    expect(units).toHaveLength(3);
    const { file, variable } = system.defaults;
    for (const [, text] of units) {
      expect(text).toContain(`\nEnvironmentFile=-${file}\n`);
      expect(text).toMatch(
        new RegExp(`^ExecStart=-?/usr/sbin/nrpe -c \\S+ \\S+ \\$${variable}$`, "m"),
      );
      expect(text).not.toContain("Copy this file");
    }
  });

  test("have a sample that names plugins where they are", () => {
    const plugins = sampleConfiguration(system).match(/(?<==)\/\S*\/check_/g) ?? [];
    expect(new Set(plugins)).toEqual(new Set([`${system.plugins}/check_`]));
  });
});

describe("a .deb", () => {
  const make = (name: string) => makeDeb(order, workplace(name), ["-Zgzip", "-z1"]);

  test("has its files, with modes and owners, and no others", () => {
    const lines = run("dpkg-deb", "-c", make("work")).trimEnd().split("\n").map((line) => {
      const [mode, owner, , , , path] = line.split(/ +/);
      return `${mode} ${owner!.replace("/", " ")} ${path!.slice(1).replace(/\/$/, "")}`;
    });
    expect(listed(lines, ONLY_DEB)).toEqual(sorted(COMMON, ONLY_DEB));
  });

  test("says what it is, and what the program needs", () => {
    const path = make("work");
    expect(path).toEndWith(`/nrpe-one_${packageVersion(VERSION)}_arm64.deb`);
    const field = (name: string) => run("dpkg-deb", "-f", path, name).trim();
    expect(field("Version")).toBe(packageVersion(VERSION));
    expect(field("Maintainer")).toBe(MAINTAINER);
    expect(field("Depends")).toContain("libc6 (>= 2.17)");
    for (const name of ["Conflicts", "Replaces", "Provides"]) {
      expect(field(name)).toBe("nagios-nrpe-server");
    }
  });

  test("has conffiles, sums, and scripts that a shell reads", () => {
    const control = join(room.path, "control");
    const tree = join(room.path, "tree");
    const path = make("work");
    run("dpkg-deb", "-e", path, control);
    run("dpkg-deb", "-x", path, tree);
    expect(readFileSync(join(control, "conffiles"), "utf8").split("\n").sort()).toEqual(
      ["", "/etc/apparmor.d/nrpe", "/etc/logrotate.d/nrpe-one"],
    );
    run("sh", "-c", 'cd "$1" && md5sum -c --quiet "$2"', "sh", tree, join(control, "md5sums"));
    for (const name of ["preinst", "postinst", "prerm", "postrm"]) {
      const script = join(control, name);
      expect(readFileSync(script, "utf8")).toStartWith("#!/bin/sh\nset -e\n");
      run("sh", "-n", script);
      expect(run("stat", "-c", "%a", script)).toBe("755\n");
    }
  });

  test("is the same whoever makes it, and when", () => {
    const first = readFileSync(make("first"));
    const umask = process.umask(0o077);
    try {
      writeFileSync(order.binary, readFileSync(order.binary));
      expect(readFileSync(make("second")).equals(first)).toBeTrue();
    } finally {
      process.umask(umask);
    }
  });
});

describe.skipIf(peersMissing("rpmbuild"))("an .rpm", () => {
  const make = (name: string) => makeRpm(order, workplace(name), ["rpmbuild"], "w1.gzdio");

  test("has its files, with modes and owners, and no others; one order makes one package", () => {
    const path = make("first");
    expect(path).toEndWith(`/nrpe-one-${packageVersion(VERSION)}-1.aarch64.rpm`);
    const lines = run(
      "rpm",
      "-qp",
      "--qf",
      "[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\n]",
      path,
    )
      .trimEnd().split("\n");
    expect(listed(lines, ONLY_RPM)).toEqual(sorted(COMMON, ONLY_RPM));
    expect(run("rpm", "-qpc", path).trimEnd().split("\n").sort()).toEqual(
      ["/etc/logrotate.d/nrpe-one", "/etc/nagios/nrpe.cfg"],
    );
    expect(run("rpm", "-qpR", path)).toContain("libc.so.6(GLIBC_2.17)(64bit)\n");
    const first = readFileSync(path);
    expect(readFileSync(make("second")).equals(first)).toBeTrue();
  });

  test("has scripts that a shell reads", () => {
    const path = make("work");
    for (const tag of ["PREIN", "POSTIN", "PREUN", "POSTUN", "POSTTRANS"]) {
      const script = room.file(tag, run("rpm", "-qp", "--qf", `%{${tag}}\n`, path));
      expect(readFileSync(script, "utf8")).toEndWith("exit 0\n");
      run("sh", "-n", script);
    }
  });
});
