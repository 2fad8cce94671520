/** Something that waits for its turn on behalf of a source. */
export interface Waiting {
  readonly source: string;
  readonly begin: () => void;
}

/** Those who wait: each source in the order in which it came, and the sources in turns. */
interface FairQueue {
  readonly length: number;
  readonly add: (waiting: Waiting) => void;
  /** Gives up waiting. */
  readonly remove: (waiting: Waiting) => void;
  /** The next one, or undefined when nobody waits. */
  readonly take: () => Waiting | undefined;
}

/** Makes an empty queue: a source that asks for much delays itself and not the others. */
export function fairQueue(): FairQueue {
  // A Map keeps the order of insertion: a source that has had its turn is put behind the others.
  const sources = new Map<string, Waiting[]>();
  let length = 0;
  const put = (source: string, rest: Waiting[]) => {
    sources.delete(source);
    if (rest.length > 0) sources.set(source, rest);
  };
  return {
    get length() {
      return length;
    },
    add(waiting) {
      const own = sources.get(waiting.source);
      if (own === undefined) sources.set(waiting.source, [waiting]);
      else own.push(waiting);
      length++;
    },
    remove(waiting) {
      const own = sources.get(waiting.source) ?? [];
      const at = own.indexOf(waiting);
      if (at < 0) return;
      own.splice(at, 1);
      if (own.length === 0) sources.delete(waiting.source);
      length--;
    },
    take() {
      const next = sources.entries().next().value;
      if (next === undefined) return undefined;
      const [source, [waiting, ...rest]] = next;
      put(source, rest);
      length--;
      return waiting;
    },
  };
}
