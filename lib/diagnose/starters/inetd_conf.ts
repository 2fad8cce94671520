/** A service of inetd.conf(5). */
export interface InetdEntry {
  readonly line: number;
  readonly text: string;
  /** Whether the line is a comment that would be a service without its `#`. */
  readonly commented: boolean;
  /** The line that a line beginning with a blank continues, so that it is no service. */
  readonly continues: number | undefined;
  /** The address in front of the service, such as `127.0.0.1`. */
  readonly address: string | undefined;
  /** A name of services(5), or a port. */
  readonly service: string;
  readonly socketType: string;
  readonly protocol: string;
  /** The fourth field, such as `nowait.400`. */
  readonly wait: string;
  /** The fifth field, such as `nagios:nagios`. */
  readonly account: string;
  readonly program: string;
  /** The program's arguments, its name first. */
  readonly argv: readonly string[];
}

const FIELDS = 5;

/** Reads an inetd.conf. A line with fewer than five fields is none; missing fields are empty. */
export function parseInetdConf(text: string): readonly InetdEntry[] {
  const entries: InetdEntry[] = [];
  let previous: number | undefined;
  for (const [at, line] of text.split("\n").entries()) {
    const comment = /^#(<off>#)?[ \t]*/.exec(line)?.[0];
    // openbsd-inetd and inetutils-inetd join a line that begins with a blank to the service above it.
    const continues = /^[ \t]/.test(line) ? previous : undefined;
    const entry = entryOf(line.slice(comment?.length ?? 0), comment !== undefined);
    if (entry !== undefined) entries.push({ ...entry, line: at + 1, text: line, continues });
    if (comment !== undefined || line.trim() === "") previous = undefined;
    else if (continues === undefined) previous = at + 1;
  }
  return entries;
}

function entryOf(
  text: string,
  commented: boolean,
): Omit<InetdEntry, "line" | "text" | "continues"> | undefined {
  const words = text.split(/[ \t\r]+/).filter(Boolean);
  if (words.length < FIELDS) return undefined;
  const [place, socketType, protocol, wait, account, program = "", ...argv] = words as [
    ...[string, string, string, string, string],
    ...(string | undefined)[],
  ];
  // Prose in a comment is no service.
  if (commented && !/^(stream|dgram)$/.test(socketType)) return undefined;
  const colon = place.lastIndexOf(":");
  return {
    commented,
    address: colon < 0 ? undefined : place.slice(0, colon).replace(/^\[|\]$/g, ""),
    service: place.slice(colon + 1),
    socketType,
    protocol,
    wait,
    account,
    program,
    argv: argv as string[],
  };
}
