/** A map that can be walked in the order of its keys, which are compared unit by unit. */
export interface SortedMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** From the first key that is not before this one. Only for use at once: it ends where the map is changed. */
  from(key: string): Iterable<readonly [string, V]>;
}

export function createSortedMap<V>(): SortedMap<V> {
  const values = new Map<string, V>();
  const keys: string[] = [];
  /** Where a key is, or would be. */
  const placeOf = (key: string): number => {
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    get: (key) => values.get(key),
    set(key, value) {
      if (!values.has(key)) keys.splice(placeOf(key), 0, key);
      values.set(key, value);
    },
    delete(key) {
      if (values.delete(key)) keys.splice(placeOf(key), 1);
    },
    *from(key) {
      for (let i = placeOf(key); i < keys.length; i++) {
        const found = keys[i] as string;
        yield [found, values.get(found) as V];
      }
    },
  };
}
