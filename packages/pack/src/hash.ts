import * as crypto from "node:crypto";
import { PackError } from "./errors.ts";
import { SHA1_STATE_BYTES, sharedKernel } from "./kernel/kernel.ts";
import type { ObjectFormat, ObjectType } from "./schema.ts";

/** A running hash in one of git's two functions. */
export interface Hasher {
  /** Feeds bytes; they stay the caller's. */
  update(bytes: Uint8Array): void;
  /**
   * The raw digest, owned by the caller; the hasher is finished.
   * Throws PACK_COLLISION where collisions are looked for and the bytes are half of one.
   */
  digest(): Uint8Array;
}

/** How bytes are hashed. */
export interface HashOptions {
  /**
   * Whether to look for SHA-1 collision attacks in the bytes, as git does with what it receives. It costs a few times
   * as much as plain hashing. SHA-256 ignores it. Default false.
   */
  readonly detectCollisions?: boolean | undefined;
}

/** Up to this size, header and content are joined and hashed in one call, which is far cheaper than a running hash. */
const ONE_SHOT_BYTES = 64 * 1024;
const MAX_OBJECT_HEADER_BYTES = 32;
/** How much is copied into the kernel at a time. */
const KERNEL_CHUNK_BYTES = 64 * 1024;

const joined: Buffer = Buffer.alloc(MAX_OBJECT_HEADER_BYTES + ONE_SHOT_BYTES);

/** Starts a hash over plain bytes, such as a pack's trailer. */
export function createHasher(format: ObjectFormat, options: HashOptions = {}): Hasher {
  if (format === "sha1" && options.detectCollisions === true) return createDetectingHasher();
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
export function createObjectHasher(
  format: ObjectFormat,
  type: ObjectType,
  sizeBytes: number,
  options: HashOptions = {},
): Hasher {
  const hasher = createHasher(format, options);
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

/** SHA-1 in the thread's kernel; between calls the state rests outside of it, since others work there too. */
function createDetectingHasher(): Hasher {
  const kernel = sharedKernel();
  const state = kernel.heapStart;
  const buffer = state + SHA1_STATE_BYTES;
  kernel.ensure(buffer + KERNEL_CHUNK_BYTES);
  kernel.sha1Start(state, true);
  const resting = kernel.bytes.slice(state, buffer);
  return {
    update(bytes) {
      kernel.bytes.set(resting, state);
      for (let at = 0; at < bytes.length; at += KERNEL_CHUNK_BYTES) {
        const chunk = bytes.subarray(at, at + KERNEL_CHUNK_BYTES);
        kernel.bytes.set(chunk, buffer);
        kernel.sha1Update(state, buffer, chunk.length);
      }
      resting.set(kernel.bytes.subarray(state, buffer));
    },
    digest() {
      kernel.bytes.set(resting, state);
      const isClean = kernel.sha1Finish(state, buffer);
      const digest = kernel.bytes.slice(buffer, buffer + 20);
      if (isClean) return digest;
      const oid = Buffer.from(digest).toString("hex");
      throw new PackError("PACK_COLLISION", `SHA-1 appears to be part of a collision attack: ${oid}`, {
        oid,
      });
    },
  };
}
