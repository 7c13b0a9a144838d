import * as crypto from "node:crypto";
import type { ObjectFormat, ObjectType } from "./schema.ts";

/** A running hash in one of git's two functions; the narrow place where a faster or checking kernel can take over. */
export interface Hasher {
  /** Feeds bytes; they stay the caller's. */
  update(bytes: Uint8Array): void;
  /** The raw digest, owned by the caller; the hasher is finished. */
  digest(): Uint8Array;
}

/** Up to this size, header and content are joined and hashed in one call, which is far cheaper than a running hash. */
const ONE_SHOT_BYTES = 64 * 1024;
const MAX_OBJECT_HEADER_BYTES = 32;

const joined: Buffer = Buffer.alloc(MAX_OBJECT_HEADER_BYTES + ONE_SHOT_BYTES);

/** Starts a hash over plain bytes, such as a pack's trailer. */
export function createHasher(format: ObjectFormat): Hasher {
  const hash = crypto.createHash(format);
  return {
    update(bytes) {
      hash.update(bytes);
    },
    digest() {
      return new Uint8Array(hash.digest());
    },
  };
}

/** Starts the hash of an object whose content follows; `"type size\0"` is already fed. */
export function createObjectHasher(format: ObjectFormat, type: ObjectType, sizeBytes: number): Hasher {
  const hasher = createHasher(format);
  hasher.update(Buffer.from(`${type} ${sizeBytes}\0`, "latin1"));
  return hasher;
}

/** The raw id of an object, owned by the caller: the hash over `"type size\0"` and its content. */
export function hashObject(format: ObjectFormat, type: ObjectType, content: Uint8Array): Uint8Array {
  if (content.length > ONE_SHOT_BYTES) {
    const hasher = createObjectHasher(format, type, content.length);
    hasher.update(content);
    return hasher.digest();
  }
  const start = joined.write(`${type} ${content.length}\0`, 0, "latin1");
  joined.set(content, start);
  // "binary" is latin1, one character a byte: the fastest way out of node:crypto.
  const text = crypto.hash(format, joined.subarray(0, start + content.length), "binary");
  const digest = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) digest[i] = text.charCodeAt(i);
  return digest;
}
