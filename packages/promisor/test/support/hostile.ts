import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import {
  encodeEntryHeader,
  type EntryKind,
  hashObject,
  type ObjectType,
  type Oid,
  oidFromBytes,
} from "@millrace/pack";
import type { Remote } from "@millrace/protocol-v2/client";

/** An entry of a pack: its header and what follows. */
export type Entry = readonly [Uint8Array, Uint8Array];

/** An object stored whole, or what claims to be one. */
export function whole(kind: EntryKind, content: Uint8Array, sizeBytes: number = content.length): Entry {
  return [encodeEntryHeader(kind, sizeBytes), deflateSync(content, { level: 9 })];
}

/** A delta of raw instructions on what lies `base` bytes before it, or has that id. */
export function delta(base: number | Uint8Array, instructions: Uint8Array): Entry {
  const kind = typeof base === "number" ? 6 : 7;
  return [encodeEntryHeader(kind, instructions.length, base), deflateSync(instructions)];
}

export function entryBytes([header, body]: Entry): number {
  return header.length + body.length;
}

/** A pack whose checksum is right, whatever else is. */
export function packOf(
  entries: readonly Entry[],
  { version = 2, count = entries.length, magic = "PACK" } = {},
): Buffer {
  const head = Buffer.alloc(12);
  head.write(magic);
  head.writeUInt32BE(version, 4);
  head.writeUInt32BE(count, 8);
  return withTrailer(Buffer.concat([head, ...entries.flat()]));
}

export function withTrailer(body: Uint8Array): Buffer {
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

export function idOf(type: ObjectType, content: Uint8Array): Oid {
  return oidFromBytes(hashObject("sha1", type, content), 0, "sha1");
}

/** A server that answers every fetch with these bytes. */
export function remoteOf(pack: () => Uint8Array | AsyncIterable<Uint8Array>): Remote {
  const unused = (): never => {
    throw new Error("nobody asks for this");
  };
  return {
    address: "hostile",
    capabilities: () =>
      Promise.resolve({
        agent: undefined,
        objectFormat: "sha1",
        sessionId: undefined,
        features: () => new Set(["shallow", "filter"]),
      }),
    fetch: () => {
      const bytes = pack();
      const stream = async function* (): AsyncGenerator<Uint8Array> {
        if (bytes instanceof Uint8Array) yield bytes;
        else yield* bytes;
      };
      return Promise.resolve({
        acknowledged: [],
        shallow: [],
        unshallow: [],
        wantedRefs: new Map(),
        pack: stream(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
    listRefs: unused,
    objectSizes: unused,
    openPush: unused,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
