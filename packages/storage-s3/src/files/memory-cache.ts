/** Bytes by name, as many as a budget allows; what was used longest ago makes room. */
export interface MemoryCache {
  get(name: string): Uint8Array | undefined;
  set(name: string, bytes: Uint8Array): void;
}

export function createMemoryCache(budgetBytes: number): MemoryCache {
  /** In the order of use, the oldest first. */
  const held = new Map<string, Uint8Array>();
  let size = 0;

  const drop = (name: string): Uint8Array | undefined => {
    const bytes = held.get(name);
    if (bytes === undefined) return undefined;
    held.delete(name);
    size -= bytes.length;
    return bytes;
  };

  return {
    get(name) {
      const bytes = drop(name);
      if (bytes !== undefined) {
        held.set(name, bytes);
        size += bytes.length;
      }
      return bytes;
    },
    set(name, bytes) {
      drop(name);
      if (bytes.length > budgetBytes) return;
      held.set(name, bytes);
      size += bytes.length;
      for (const oldest of held.keys()) {
        if (size <= budgetBytes) return;
        drop(oldest);
      }
    },
  };
}
