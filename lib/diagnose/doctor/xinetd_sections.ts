/** Station: the services of xinetd. */
import { isInNets, parseAllowedHosts } from "../../config/allowed_hosts.ts";
import { parseXinetdConf, type XinetdSection } from "../starters/xinetd_conf.ts";
import { namesIn, readText, textOf } from "../starters/read_text.ts";
import { bytesOf } from "../starters/systemd_units.ts";
import { type ServiceEntry, serviceNamed } from "../starters/services_file.ts";
import { type DoctorFinding, hint, lineOf, problem, warning } from "./finding.ts";
import { similarService } from "./inetd_lines.ts";
import { ADDRESS_SPACE } from "./runtime.ts";
import { namesAgent, type Starter, type StarterContext } from "./starter.ts";

/** A service of xinetd that is the agent. */
export interface XinetdStarter extends Starter {
  readonly section: XinetdSection;
  readonly defaults: XinetdSection | undefined;
  /** Why xinetd does not read the file; undefined where it does. */
  readonly ignored: string | undefined;
}

const XINETD = "/usr/sbin/xinetd";
/** The directory that packages bring, and that their xinetd.conf includes. */
const USUAL = "/etc/xinetd.d";
const NOT_INCLUDED = "xinetd.conf does not include its directory";

/** The services that are about the agent, in xinetd.conf and the directories that it includes. */
export function xinetdStarters(
  main: string,
  services: readonly ServiceEntry[],
  port: number,
): readonly XinetdStarter[] {
  const text = textOf(main);
  const own = parseXinetdConf(text);
  const defaults = own.find(({ service }) => service === undefined);
  const directories = [...text.matchAll(/^[ \t]*includedir[ \t]+(\S+)/gm)].map(([, path]) => path!);
  const found = own.flatMap((section) => starters(main, section, undefined));
  // Without an xinetd.conf the directory still tells what was meant.
  const isIncluded = text === "" || directories.some((path) => /^\/etc\/xinetd\.d\/?$/.test(path));
  for (const directory of isIncluded && text !== "" ? directories : [...directories, USUAL]) {
    for (const name of namesIn(directory)) {
      const file = `${directory.replace(/\/$/, "")}/${name}`;
      const ignored = !isIncluded && directory === USUAL
        ? NOT_INCLUDED
        : name.includes(".")
        ? "its name has a dot"
        : name.endsWith("~")
        ? "its name ends with ~"
        : undefined;
      found.push(
        ...parseXinetdConf(textOf(file)).flatMap((section) => starters(file, section, ignored)),
      );
    }
  }
  return found;

  function starters(
    file: string,
    section: XinetdSection,
    ignored: string | undefined,
  ): readonly XinetdStarter[] {
    const { service } = section;
    if (service === undefined) return [];
    const at = portOf(section, services);
    const words = [service, section.attributes.get("server")?.values[0] ?? ""];
    const args = section.attributes.get("server_args")?.values ?? [];
    if (![...words, ...args].some(namesAgent) && at !== port) return [];
    return [starterOf(file, section, defaults, at, ignored)];
  }
}

function portOf(section: XinetdSection, services: readonly ServiceEntry[]): number | undefined {
  const { service, attributes } = section;
  const port = attributes.get("port")?.values[0];
  if (port !== undefined && /^[0-9]+$/.test(port)) return Number(port);
  return serviceNamed(services, service!, attributes.get("protocol")?.values[0] ?? "tcp")?.port;
}

function starterOf(
  file: string,
  section: XinetdSection,
  defaults: XinetdSection | undefined,
  port: number | undefined,
  ignored: string | undefined,
): XinetdStarter {
  const value = (name: string) => section.attributes.get(name)?.values[0];
  const program = value("server") ?? "";
  const args = section.attributes.get("server_args")?.values ?? [];
  const named = has(section, "flags", "NAMEINARGS");
  const address = value("bind") ?? value("interface");
  return {
    section,
    defaults,
    ignored,
    by: "xinetd",
    file,
    line: section.line,
    text: `service ${section.service}`,
    port,
    address: address === "0.0.0.0" || address === "::" ? undefined : address,
    user: value("user"),
    group: value("group"),
    program,
    argv: named ? args : [program, ...args],
    passesSockets: true,
    placeOf: (field) => {
      const at = section.attributes.get(field)?.line;
      return at === undefined ? undefined : lineOf(file, at, `${field} = ${value(field)}`);
    },
    with: ({ user, group, program, argv }) => {
      const lines: string[] = [];
      if (user !== undefined) lines.push(`user = ${user}`);
      if (group !== undefined) lines.push(`group = ${group}`);
      if (program !== undefined) lines.push(`server = ${program}`);
      if (argv !== undefined) {
        lines.push(`server_args = ${(named ? argv : argv.slice(1)).join(" ")}`);
      }
      return lines.join("; ");
    },
  };
}

function has(section: XinetdSection | undefined, name: string, word: string): boolean {
  return section?.attributes.get(name)?.values.some((value) =>
    value.toLowerCase() === word.toLowerCase()
  ) ?? false;
}

/** What keeps xinetd from offering the service at all; undefined where nothing does. */
export function xinetdDisabled(starter: XinetdStarter): DoctorFinding | undefined {
  const { section, defaults, file, ignored } = starter;
  const evidence = lineOf(file, section.line, starter.text);
  if (ignored === NOT_INCLUDED) {
    return problem("xinetd-not-included", `xinetd does not read ${file}: ${ignored}`, {
      evidence,
      fix: `echo includedir ${USUAL} >> /etc/xinetd.conf`,
    });
  }
  if (ignored !== undefined) {
    const fix = `mv ${file} ${file.slice(0, file.lastIndexOf("/"))}/nrpe`;
    return problem("xinetd-file-ignored", `xinetd does not read ${file}: ${ignored}`, {
      evidence,
      fix,
    });
  }
  const disable = section.attributes.get("disable");
  if (disable?.values[0]?.toLowerCase() === "yes") {
    return problem("xinetd-disabled", "the service is disabled", {
      evidence: lineOf(file, disable.line, "disable = yes"),
      fix: "disable = no",
    });
  }
  const id = section.attributes.get("id")?.values[0] ?? section.service!;
  if (has(defaults, "disabled", id)) {
    const { line, values } = defaults!.attributes.get("disabled")!;
    const fix = `disabled = ${values.filter((word) => word !== id).join(" ")}`.trim();
    const seen = lineOf("/etc/xinetd.conf", line, `disabled = ${values.join(" ")}`);
    return problem("xinetd-disabled", "the defaults disable the service", { evidence: seen, fix });
  }
  const enabled = defaults?.attributes.get("enabled");
  if (enabled !== undefined && !has(defaults, "enabled", id)) {
    const seen = lineOf("/etc/xinetd.conf", enabled.line, `enabled = ${enabled.values.join(" ")}`);
    const fix = `enabled = ${[...enabled.values, id].join(" ")}`;
    return problem("xinetd-not-enabled", "the defaults enable other services alone", {
      evidence: seen,
      fix,
    });
  }
  return undefined;
}

/** What is wrong with a service, besides the program, its arguments and its user. */
export function checkXinetdSection(
  starter: XinetdStarter,
  services: readonly ServiceEntry[],
  { port, user }: StarterContext,
): readonly DoctorFinding[] {
  const { section, defaults, file } = starter;
  const findings: DoctorFinding[] = [];
  const head = lineOf(file, section.line, starter.text);
  const attribute = (name: string) => section.attributes.get(name);
  const evidenceOf = (name: string) => {
    const found = attribute(name);
    return found === undefined
      ? head
      : lineOf(file, found.line, `${name} = ${found.values.join(" ")}`);
  };
  const wrong = (code: string, message: string, name: string, fix: string) =>
    findings.push(problem(code, message, { evidence: evidenceOf(name), fix }));
  if (!section.closed) wrong("xinetd-brace", "the section has no closing brace", "", "}");
  // A name that /etc/services does not have is the finding of its station.
  if (starter.port === undefined && has(section, "type", "UNLISTED")) {
    wrong("xinetd-attribute-missing", "the service has no port", "", `port = ${port}`);
  }
  const required: readonly (readonly [string, string])[] = [
    ["socket_type", "stream"],
    ["wait", "no"],
    ["user", user],
    ["server", ""],
  ];
  for (const [name, value] of required) {
    if (attribute(name) !== undefined) continue;
    const line = `${name} = ${name === "server" ? "/usr/local/bin/nrpe" : value}`;
    wrong("xinetd-attribute-missing", `xinetd skips the service: it has no ${name}`, "", line);
  }
  if (starter.port === undefined) {
    const known = similarService(services, section.service!, port);
    if (known !== undefined) {
      const message = `/etc/services has no ${section.service}, and calls port ${port} ${known}`;
      wrong("service-unknown", message, "", `service ${known}`);
    }
  }
  const space = attribute("rlimit_as")?.values[0];
  if (space !== undefined && bytesOf(space) < ADDRESS_SPACE) {
    const message = "the runtime needs 4 GB of address space";
    wrong("xinetd-address-space", message, "rlimit_as", "rlimit_as = UNLIMITED");
  }
  const type = attribute("socket_type")?.values[0];
  if (type !== undefined && type !== "stream") {
    wrong(
      "xinetd-socket-type",
      `the socket type is ${type}`,
      "socket_type",
      "socket_type = stream",
    );
  }
  const protocol = attribute("protocol")?.values[0];
  if (protocol !== undefined && !/^tcp6?$/.test(protocol)) {
    wrong("xinetd-protocol", `the protocol is ${protocol}`, "protocol", "protocol = tcp");
  }
  for (const name of ["only_from", "no_access", "access_times"]) {
    const found = attribute(name) ?? defaults?.attributes.get(name);
    if (found === undefined) continue;
    const where = attribute(name) === undefined
      ? lineOf("/etc/xinetd.conf", found.line, `${name} = ${found.values.join(" ")}`)
      : evidenceOf(name);
    if (name === "only_from" && found.values.length === 0) {
      const fix = "only_from = 0.0.0.0/0";
      findings.push(problem("xinetd-only-from", "only_from is empty: nobody gets in", {
        evidence: where,
        fix,
      }));
    } else {
      const message = `xinetd has a rule of its own, ${name}, before the access tables are asked`;
      findings.push(hint(`xinetd-${name.replace("_", "-")}`, message, { evidence: where }));
    }
  }
  if (!has(section, "flags", "NOLIBWRAP") && !has(defaults, "flags", "NOLIBWRAP") && asksTables()) {
    const flags = ["flags =", ...attribute("flags")?.values ?? [], "NOLIBWRAP"].join(" ");
    const message =
      "xinetd asks the access tables, and the agent asks them again: commands of their rules run twice";
    findings.push(
      warning("xinetd-libwrap", message, { evidence: evidenceOf("flags"), fix: flags }),
    );
  }
  const redirect = attribute("redirect");
  if (redirect !== undefined) {
    findings.push(warning("xinetd-redirect", "xinetd passes connections on to another host", {
      evidence: evidenceOf("redirect"),
    }));
  }
  return findings;
}

/** Whether only_from of a service keeps out clients that are known by their addresses. */
export function checkOnlyFrom(
  starters: readonly XinetdStarter[],
  clients: readonly string[],
): readonly DoctorFinding[] {
  return starters.flatMap(({ section, defaults, file }) => {
    const own = section.attributes.get("only_from");
    const found = own ?? defaults?.attributes.get("only_from");
    if (found === undefined || found.values.length === 0) return [];
    // Host and network names would have to be looked up.
    if (!found.values.every((word) => /^[0-9a-f.:/]+$/i.test(word))) return [];
    const list = found.values.map(asNet).join(",");
    const { hosts } = parseAllowedHosts(list);
    const kept = clients.filter((client) => !isInNets(client, hosts));
    if (kept.length === 0) return [];
    const text = `only_from = ${found.values.join(" ")}`;
    const evidence = lineOf(own === undefined ? "/etc/xinetd.conf" : file, found.line, text);
    const message = `xinetd lets ${kept.join(", ")} in to no service`;
    return [problem("xinetd-only-from", message, { evidence, fix: `${text} ${kept.join(" ")}` })];
  });
}

/** An address whose last numbers are 0 is a net in only_from, see xinetd.conf(5). */
function asNet(word: string): string {
  const [, zeros] = /^[0-9]+(?:\.[0-9]+)*?((?:\.0)+)$/.exec(word) ?? [];
  if (zeros === undefined || word.includes("/")) return word;
  return word === "0.0.0.0" ? "0.0.0.0/0" : `${word}/${32 - zeros.length / 2 * 8}`;
}

/** Whether this host's xinetd is linked to libwrap. */
function asksTables(): boolean {
  const program = readText(XINETD);
  return program.kind === "text" && program.text.includes("libwrap.so");
}
