/** An entry of the queue, which belongs to a source. */
export interface Waiting {
  readonly source: string;
  readonly begin: () => void;
}

/** A queue that serves sources in turn, and the entries of each source in order. */
interface FairQueue {
  readonly length: number;
  readonly add: (waiting: Waiting) => void;
  /** Removes an entry before its turn. */
  readonly remove: (waiting: Waiting) => void;
  /** The next entry; undefined where the queue is empty. */
  readonly take: () => Waiting | undefined;
}

/** Makes an empty queue. A source with many entries delays only itself. */
export function fairQueue(): FairQueue {
  // A Map keeps the order of insertion: after its turn, a source is inserted again after the others.
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
