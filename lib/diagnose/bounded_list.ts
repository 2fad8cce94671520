/** The beginning and the end of a list that may be too long to be kept. */
export interface BoundedList<Item> {
  readonly first: readonly Item[];
  /** How many stood between the first and the last ones. */
  readonly omitted: number;
  readonly last: readonly Item[];
}

/** A list that is filled item by item and keeps its first `limit` and its last `limit` items. */
export interface BoundedListBuilder<Item> {
  push(item: Item): void;
  list(): BoundedList<Item>;
}

/** Begins a bounded list. */
export function boundedList<Item>(limit: number): BoundedListBuilder<Item> {
  const first: Item[] = [];
  const ring: Item[] = [];
  let count = 0;
  return {
    push(item) {
      if (first.length < limit) first.push(item);
      else ring[count++ % limit] = item;
    },
    list() {
      const oldest = count % limit;
      const last = count <= limit ? ring : [...ring.slice(oldest), ...ring.slice(0, oldest)];
      return { first, omitted: Math.max(0, count - limit), last };
    },
  };
}
