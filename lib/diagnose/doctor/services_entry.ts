/** Station: the entry of /etc/services. */
import { nearest } from "../../nearest.ts";
import type { ServiceEntry } from "../starters/services_file.ts";
import { similarService } from "./inetd_lines.ts";
import { type DoctorFinding, hint, lineOf, ok, problem } from "./finding.ts";

const SERVICES = "/etc/services";
/** The name that inetd.conf has in FAQ F0101. */
const NAME = "nrpe";

/**
 * Checks the entry of the agent.
 *
 * @param names The names by which inetd and xinetd look the port up; none where they have its number.
 * @param required Whether the entry is needed though no starter looks it up, as before there is one.
 * @param port The port that clients ask.
 */
export function checkServices(
  services: readonly ServiceEntry[],
  names: readonly string[],
  required: boolean,
  port: number,
): readonly DoctorFinding[] {
  const asked = names.length > 0 ? names : [NAME];
  return [...new Set(asked)].flatMap((name) =>
    similarService(services, name, port) === undefined
      ? checkName(services, name, names.length > 0 || required, port)
      : []
  );
}

function checkName(
  services: readonly ServiceEntry[],
  name: string,
  needed: boolean,
  port: number,
): readonly DoctorFinding[] {
  const fix = `${name} ${port}/tcp`;
  const found = services.filter((entry) => entry.name === name || entry.aliases.includes(name));
  const [first] = found.filter(({ protocol }) => protocol === "tcp");
  if (first === undefined) {
    const [other] = found;
    if (other !== undefined) {
      const message = `${name} is a service of ${other.protocol} alone`;
      const evidence = lineOf(SERVICES, other.line, other.text);
      return [(needed ? problem : hint)("service-protocol", message, { evidence, fix })];
    }
    const named = services.find((entry) => entry.port === port && entry.protocol === "tcp");
    const close = nearest(name, services.map((entry) => entry.name));
    const evidence = named !== undefined
      ? lineOf(SERVICES, named.line, named.text)
      : close === undefined
      ? SERVICES
      : `${SERVICES} has ${close}`;
    const message = `${SERVICES} has no entry for ${name}`;
    return [(needed ? problem : hint)("service-missing", message, { evidence, fix })];
  }
  const evidence = lineOf(SERVICES, first.line, first.text);
  if (first.port !== port) {
    const message = `${name} is port ${first.port}, and clients ask port ${port}`;
    return [(needed ? problem : hint)("service-port", message, { evidence, fix })];
  }
  return [ok("service", `${name} is port ${port}`, { evidence })];
}
