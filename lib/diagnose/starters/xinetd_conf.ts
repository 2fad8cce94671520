/** The value of an attribute, with every assignment in effect. */
export interface XinetdAttribute {
  readonly line: number;
  readonly values: readonly string[];
}

/** A section of xinetd.conf(5): a service, or the defaults. */
export interface XinetdSection {
  /** Undefined for the defaults. */
  readonly service: string | undefined;
  readonly line: number;
  /** Whether its closing brace is there. */
  readonly closed: boolean;
  readonly attributes: ReadonlyMap<string, XinetdAttribute>;
}

/** Reads a file of xinetd.conf(5). */
export function parseXinetdConf(text: string): readonly XinetdSection[] {
  const sections: XinetdSection[] = [];
  let head: Omit<XinetdSection, "closed" | "attributes"> | undefined;
  let attributes: Map<string, XinetdAttribute> | undefined;
  const close = (closed: boolean) => {
    if (head !== undefined) sections.push({ ...head, closed, attributes: attributes ?? new Map() });
    head = attributes = undefined;
  };
  for (const [at, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const begin = /^(?:service[ \t]+([^\s{]+)|(defaults))[ \t]*(\{?)/.exec(line);
    if (begin !== null) {
      close(false);
      head = { service: begin[1], line: at + 1 };
      if (begin[3] === "{") attributes = new Map();
    } else if (line === "{" && head !== undefined) attributes = new Map();
    else if (line === "}") close(true);
    else if (attributes !== undefined) assign(attributes, line, at + 1);
  }
  close(false);
  return sections;
}

function assign(attributes: Map<string, XinetdAttribute>, text: string, line: number): void {
  const [, name, operator, rest] = /^(\w+)[ \t]*([+-]?=)[ \t]*(.*)$/.exec(text) ?? [];
  if (name === undefined || rest === undefined) return;
  const words = rest.split(/[ \t]+/).filter(Boolean);
  const earlier = attributes.get(name)?.values ?? [];
  const values = operator === "+="
    ? [...earlier, ...words]
    : operator === "-="
    ? earlier.filter((word) => !words.includes(word))
    : words;
  attributes.set(name, { line, values });
}
