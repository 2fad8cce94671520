/** An entry of services(5). */
export interface ServiceEntry {
  readonly line: number;
  readonly text: string;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly port: number;
  readonly protocol: string;
}

/** Reads a file of services(5). Lines without a name, a port and a protocol are none. */
export function parseServices(text: string): readonly ServiceEntry[] {
  return text.split("\n").flatMap((line, at) => {
    const [name, place, ...aliases] = line.replace(/#.*/, "").split(/\s+/).filter(Boolean);
    const [, port, protocol] = /^([0-9]+)\/(\S+)$/.exec(place ?? "") ?? [];
    if (name === undefined || port === undefined || protocol === undefined) return [];
    return [{ line: at + 1, text: line, name, aliases, port: Number(port), protocol }];
  });
}

/** The first entry of a name or alias, as getservbyname(3) finds it. */
export function serviceNamed(
  entries: readonly ServiceEntry[],
  name: string,
  protocol: string,
): ServiceEntry | undefined {
  return entries.find((entry) =>
    entry.protocol === protocol && (entry.name === name || entry.aliases.includes(name))
  );
}
