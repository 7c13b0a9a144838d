import { hashLength, type ObjectFormat } from "@millrace/pack";
import type { Stage } from "../contract.ts";
import { StorageError } from "../errors.ts";
import type { MemoryPack } from "./memory-repository.ts";
import { openMemoryBytes } from "./memory-snapshot.ts";

/** A stage with what the store asks of it. */
export interface MemoryStage extends Stage {
  /** The finished pack. Throws `STORAGE_STAGE_EXPIRED` where it is discarded or not sealed. */
  pack(isPromised: boolean): MemoryPack;
  /** From here on disposal leaves the pack alone. */
  landed(): void;
}

/** A stage that keeps its bytes in one growing buffer. */
export function createMemoryStage(format: ObjectFormat, signal: AbortSignal | undefined): MemoryStage {
  let buffer = new Uint8Array(4096);
  let size = 0;
  let id: string | undefined;
  let landed = false;
  let discarded = false;
  const sidecars = new Map<string, Uint8Array>();

  const append = (bytes: Uint8Array): void => {
    if (size + bytes.length > buffer.length) {
      const grown = new Uint8Array(Math.max(size + bytes.length, 2 * buffer.length));
      grown.set(buffer.subarray(0, size));
      buffer = grown;
    }
    buffer.set(bytes, size);
    size += bytes.length;
  };

  const checkOpen = (): void => {
    signal?.throwIfAborted();
    if (discarded || id !== undefined) throw expired(discarded ? "discarded" : "sealed");
  };

  const discard = async (): Promise<void> => {
    if (landed) return;
    discarded = true;
    buffer = new Uint8Array(0);
    sidecars.clear();
  };

  return {
    get sizeBytes() {
      return size;
    },
    async write(bytes) {
      checkOpen();
      append(bytes);
    },
    async open() {
      signal?.throwIfAborted();
      if (discarded) throw expired("discarded");
      return openMemoryBytes(buffer.subarray(0, size));
    },
    async sidecar(kind, content) {
      signal?.throwIfAborted();
      if (discarded || landed) throw expired(discarded ? "discarded" : "committed");
      sidecars.set(
        kind,
        new Uint8Array(Buffer.concat(content instanceof Uint8Array ? [content] : [...content])),
      );
    },
    async seal({ header, trailer }) {
      checkOpen();
      if (header.length !== 12 || trailer.length !== hashLength(format) || size < 12) {
        throw new StorageError("STORAGE_CORRUPT", "a pack needs 12 header bytes and its format's checksum");
      }
      buffer.set(header, 0);
      append(trailer);
      id = Buffer.from(trailer).toString("hex");
      return { id, sizeBytes: size };
    },
    discard,
    pack(isPromised) {
      if (discarded || id === undefined) throw expired(discarded ? "discarded" : "not sealed");
      return { id, bytes: buffer.subarray(0, size), landedMs: Date.now(), isPromised, sidecars };
    },
    landed() {
      landed = true;
    },
    [Symbol.asyncDispose]: discard,
  };
}

function expired(why: string): StorageError {
  return new StorageError("STORAGE_STAGE_EXPIRED", `the stage is ${why}`);
}
