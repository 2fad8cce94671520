/** What a package has in it, on the way from deploy/ and docs/ to the places where a system has it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tests/support/room.ts";

/** A file of a package, or a directory that is empty there. */
export type Entry =
  | { readonly kind: "directory"; readonly path: string }
  | {
    readonly kind: "file";
    readonly path: string;
    readonly mode: number;
    /** Its text, or the file to copy. */
    readonly content: string | { readonly copyOf: string };
    /** Compressed, with `.gz` in its name. */
    readonly compressed?: true;
    /** The administrator's: an upgrade keeps what was changed. */
    readonly configuration?: true;
    /** The package owns the path, and brings no file. Of rpm alone. */
    readonly ghost?: true;
  };

/** What differs between the systems: what the package of the C agent there has taken. */
export interface System {
  /** The user and the group of the agent. */
  readonly user: string;
  readonly gecos: string;
  readonly home: string;
  /** The directory of the pid file, below /run. */
  readonly runDirectory: string;
  /** The file with options for the agent, which the C agent's package makes, and the variable in it. */
  readonly defaults: { readonly file: string; readonly variable: string };
  /** The name of the C agent's service, where it is not nrpe.service. */
  readonly alias?: string;
  readonly plugins: string;
  readonly zsh: string;
}

export const DEBIAN: System = {
  user: "nagios",
  gecos: "Nagios plugins",
  home: "/var/lib/nagios",
  runDirectory: "/run/nagios",
  defaults: { file: "/etc/default/nagios-nrpe-server", variable: "NRPE_OPTS" },
  alias: "nagios-nrpe-server.service",
  plugins: "/usr/lib/nagios/plugins",
  zsh: "/usr/share/zsh/vendor-completions",
};

export const RED_HAT: System = {
  user: "nrpe",
  gecos: "NRPE agent",
  home: "/run/nrpe",
  runDirectory: "/run/nrpe",
  defaults: { file: "/etc/sysconfig/nrpe", variable: "NRPE_SSL_OPT" },
  plugins: "/usr/lib64/nagios/plugins",
  zsh: "/usr/share/zsh/site-functions",
};

const UNITS = "/usr/lib/systemd/system";
const DOC = "/usr/share/doc/nrpe-one";
/** Pages for those who work on the agent, not with it. */
const NOT_INSTALLED = ["architecture.md", "next-runtime.md"];

/** The files that both kinds of packages have. */
export function commonContents(system: System, binary: string): readonly Entry[] {
  const adapt = (text: string) => adaptTo(system, text);
  const deployed = (from: string, path: string) => file(path, adapt(deployedText(from)));
  return [
    { kind: "file", path: "/usr/sbin/nrpe", mode: 0o755, content: { copyOf: binary } },
    { kind: "directory", path: "/etc/nagios/nrpe.d" },
    // check_nrpe(8) belongs to the package of check_nrpe.
    ...["nrpe.8", "nrpe.cfg.5", "nrpe-access.5"].map((name) => ({
      ...file(`/usr/share/man/man${name.at(-1)}/${name}`, deployedText(`man/${name}`)),
      compressed: true as const,
    })),
    ...unitNames().map((name) =>
      file(`${UNITS}/${name}`, adaptUnit(system, adapt(deployedText(`systemd/${name}`))))
    ),
    deployed("sysusers.d/nrpe.conf", "/usr/lib/sysusers.d/nrpe-one.conf"),
    deployed("tmpfiles.d/nrpe.conf", "/usr/lib/tmpfiles.d/nrpe-one.conf"),
    deployed("completion/nrpe.bash", "/usr/share/bash-completion/completions/nrpe"),
    deployed("completion/nrpe.fish", "/usr/share/fish/vendor_completions.d/nrpe.fish"),
    deployed("completion/_nrpe", `${system.zsh}/_nrpe`),
    {
      ...deployed("logrotate.d/nrpe", "/etc/logrotate.d/nrpe-one"),
      configuration: true,
    },
    // Copied to /etc/nagios where no file is.
    file("/usr/share/nrpe-one/nrpe.cfg", sampleConfiguration(system)),
    deployed("inetd/inetd.conf", `${DOC}/examples/inetd.conf`),
    deployed("inetd/xinetd.nrpe", `${DOC}/examples/xinetd.nrpe`),
    deployed("systemd/hardened.conf", `${DOC}/examples/hardened.conf`),
    ...readdirSync(join(ROOT, "docs"))
      .filter((name) => name.endsWith(".md") && !NOT_INSTALLED.includes(name)).sort()
      .map((name) => file(`${DOC}/docs/${name}`, readFileSync(join(ROOT, "docs", name), "utf8"))),
  ];
}

/** The sample configuration, for the paths and the user of a system. */
export function sampleConfiguration(system: System): string {
  const sample = deployedText("nrpe.cfg").replaceAll("/usr/lib/nagios/plugins", system.plugins);
  if (system.user === "nagios") return sample;
  return `${sample}\n# The agent's user, for those who start it as root.\nnrpe_user=${system.user}\nnrpe_group=${system.user}\n`;
}

/** A file that everybody may read. */
export function file(path: string, content: string): Entry & { readonly kind: "file" } {
  return { kind: "file", path, mode: 0o644, content };
}

export const deployedText = (name: string) => readFileSync(join(ROOT, "deploy", name), "utf8");

function unitNames(): readonly string[] {
  return readdirSync(join(ROOT, "deploy", "systemd")).filter((name) => !name.endsWith(".conf"))
    .sort();
}

/** Has a file of deploy/ name the paths and the user that a package has. */
function adaptTo({ user, gecos, home, runDirectory }: System, text: string): string {
  return text
    .replaceAll("/usr/local/bin/nrpe", "/usr/sbin/nrpe")
    .replace(/^u nagios - .*$/m, `u ${user} - "${gecos}" ${home} /usr/sbin/nologin`)
    .replace(
      /^(User|Group|RuntimeDirectory)=nagios$/gm,
      (_, setting: string) =>
        `${setting}=${setting === "RuntimeDirectory" ? runDirectory.slice("/run/".length) : user}`,
    )
    .replaceAll("/run/nagios", runDirectory)
    .replaceAll("nagios nagios", `${user} ${user}`)
    // The lines of inetd.conf, and the settings of xinetd.
    .replaceAll(" nagios /usr/sbin/nrpe", ` ${user} /usr/sbin/nrpe`)
    .replace(/^(\t(?:user|group)\t\t= )nagios$/gm, `$1${user}`);
}

/** Has a unit read the options that the C agent's had, and say how it is used where it is installed. */
function adaptUnit({ defaults, alias }: System, text: string): string {
  const adapted = text
    .replace(/ Copy this file[^,]*, then:\n# {3}systemctl daemon-reload && /, " To use it:\n#   ")
    .replace(/^(Exec(?:Start|Reload)=-?\/usr\/sbin\/nrpe .*)$/gm, `$1 $${defaults.variable}`)
    .replace(/^User=/m, `EnvironmentFile=-${defaults.file}\nUser=`);
  // Only an agent without a socket takes the place of the C agent's service.
  if (alias === undefined || !adapted.includes("WantedBy=multi-user.target")) return adapted;
  return `${adapted}Alias=${alias}\n`;
}
