/** How much a cache may hold. */
export interface ByteCacheOptions {
  /** Sum of the sizes its values were put in with. */
  readonly budgetBytes: number;
  /** A larger value is not kept. Default: a quarter of the budget. */
  readonly largestBytes?: number | undefined;
}

/** Keeps the values used last within a budget of bytes. Values are shared with whoever gets them. */
export interface ByteCache<K, V> {
  readonly budgetBytes: number;
  /** Bytes held by this cache and all its partitions. */
  readonly usedBytes: number;
  get(key: K): V | undefined;
  /** Keeps `value`, counted as `bytes`; one that is larger than `largestBytes` is not kept. */
  set(key: K, value: V, bytes: number): void;
  delete(key: K): void;
  /** Drops everything put in through this cache or partition. */
  clear(): void;
  /** A cache with keys of its own under the same budget. */
  partition(): ByteCache<K, V>;
}

interface Slot<K, V> {
  readonly key: K;
  readonly home: Map<K, Slot<K, V>>;
  value: V;
  bytes: number;
  newer: Slot<K, V> | undefined;
  older: Slot<K, V> | undefined;
}

/** Makes a cache that evicts what was used longest ago. */
export function createByteCache<K, V>(options: ByteCacheOptions): ByteCache<K, V> {
  const { budgetBytes, largestBytes = budgetBytes / 4 } = options;
  let usedBytes = 0;
  let newest: Slot<K, V> | undefined;
  let oldest: Slot<K, V> | undefined;

  function unlink(slot: Slot<K, V>): void {
    if (slot.newer === undefined) newest = slot.older;
    else slot.newer.older = slot.older;
    if (slot.older === undefined) oldest = slot.newer;
    else slot.older.newer = slot.newer;
    slot.newer = undefined;
    slot.older = undefined;
  }

  function putFirst(slot: Slot<K, V>): void {
    slot.older = newest;
    if (newest === undefined) oldest = slot;
    else newest.newer = slot;
    newest = slot;
  }

  function remove(slot: Slot<K, V>): void {
    unlink(slot);
    slot.home.delete(slot.key);
    usedBytes -= slot.bytes;
  }

  function createPartition(): ByteCache<K, V> {
    const slots = new Map<K, Slot<K, V>>();
    return {
      budgetBytes,
      get usedBytes() {
        return usedBytes;
      },
      get(key) {
        const slot = slots.get(key);
        if (slot === undefined) return undefined;
        if (slot !== newest) {
          unlink(slot);
          putFirst(slot);
        }
        return slot.value;
      },
      set(key, value, bytes) {
        const present = slots.get(key);
        if (present !== undefined) remove(present);
        if (bytes > largestBytes) return;
        while (oldest !== undefined && usedBytes + bytes > budgetBytes) remove(oldest);
        const slot: Slot<K, V> = { key, home: slots, value, bytes, newer: undefined, older: undefined };
        slots.set(key, slot);
        putFirst(slot);
        usedBytes += bytes;
      },
      delete(key) {
        const slot = slots.get(key);
        if (slot !== undefined) remove(slot);
      },
      clear() {
        for (const slot of slots.values()) {
          unlink(slot);
          usedBytes -= slot.bytes;
        }
        slots.clear();
      },
      partition: createPartition,
    };
  }
  return createPartition();
}
