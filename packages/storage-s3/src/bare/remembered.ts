import type { OperationOptions } from "@millrace/pack";
import type { Bucket } from "../bucket/bucket.ts";
import { untilAborted } from "../manifest/latest.ts";

/** What a key holds, and what tells this version from others. */
export interface Versioned<T> {
  readonly value: T;
  readonly etag: string;
}

/** Small files of a bucket, each version of which is read once. */
export interface Remembered<T> {
  /** What is there now, by a request that costs no body where nothing has changed; `undefined` where nothing is. */
  look(key: string, options?: OperationOptions): Promise<Versioned<T> | undefined>;
  /** What is there, where this version of it was just seen in a listing: without a request where it is known. */
  at(key: string, etag: string, options?: OperationOptions): Promise<Versioned<T> | undefined>;
  /** What was seen or written last, however long ago. */
  known(key: string): Versioned<T> | undefined;
  /** Takes in what this process has written. */
  set(key: string, version: Versioned<T>): void;
}

/** Remembers up to `limit` files; what was read or written longest ago makes room. */
export function createRemembered<T>(
  bucket: Bucket,
  parse: (bytes: Uint8Array, key: string) => T,
  limit: number,
): Remembered<T> {
  const known = new Map<string, Versioned<T>>();
  /** Reads under way, each for all who saw the same version. */
  const flights = new Map<string, Promise<Versioned<T> | undefined>>();

  const set = (key: string, version: Versioned<T>): void => {
    known.delete(key);
    known.set(key, version);
    for (const oldest of known.keys()) {
      if (known.size <= limit) break;
      known.delete(oldest);
    }
  };

  const look: Remembered<T>["look"] = async (key, { signal } = {}) => {
    const before = known.get(key);
    const found = await bucket.get("ref", key, { known: before?.etag, signal });
    if (found === "unchanged") return before;
    if (found === undefined) {
      known.delete(key);
      return undefined;
    }
    const version = { value: parse(found.bytes, key), etag: found.etag };
    set(key, version);
    return version;
  };

  return {
    look,
    async at(key, etag, options = {}) {
      const before = known.get(key);
      if (before?.etag === etag) return before;
      const name = `${key}\n${etag}`;
      let flight = flights.get(name);
      if (flight === undefined) {
        flight = look(key).finally(() => flights.delete(name));
        flights.set(name, flight);
      }
      return untilAborted(flight, options.signal);
    },
    known: (key) => known.get(key),
    set,
  };
}
