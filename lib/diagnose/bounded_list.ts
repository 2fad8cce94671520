/** The beginning and the end of a list that may be too long to keep. */
export interface BoundedList<Item> {
  readonly first: readonly Item[];
  /** The number of items between the two. */
  readonly omitted: number;
  readonly last: readonly Item[];
}

/** Keeps the first `limit` and the last `limit` of the items that are pushed. */
export interface BoundedListBuilder<Item> {
  push(item: Item): void;
  list(): BoundedList<Item>;
}

/** Begins a list. */
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
