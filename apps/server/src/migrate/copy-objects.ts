import {
  createHasher,
  hashLength,
  indexPack,
  type LooseSource,
  type ObjectFormat,
  type OperationOptions,
  writePack,
} from "@millrace/pack";
import { type RepositoryStore, type Snapshot, type Stage, StorageError } from "@millrace/storage";

const PIECE_BYTES = 1024 * 1024;
const HEADER_BYTES = 12;
/** What goes along with a pack, where it is there. */
const BESIDE = ["idx", "rev", "graph", "mtimes"] as const;

/**
 * Stages all objects of a repository in another one: each pack as it is, piece by piece and with its checksum looked at,
 * and the loose objects as one more. The stages are the caller's to commit and to dispose, those of a failure too.
 */
export async function copyObjects(
  source: Snapshot,
  target: RepositoryStore,
  stages: Stage[],
  options: OperationOptions,
): Promise<void> {
  for (const { id } of await source.packs(options)) {
    const stage = await target.stage(options);
    stages.push(stage);
    await copyPack(source, id, stage, options);
  }
  const loose: LooseSource[] = [];
  for await (const oid of source.listLoose(options)) {
    const object = await source.openLoose(oid, options);
    if (object === undefined) throw missing(oid);
    const { type, sizeBytes } = object;
    // Opened anew for its turn: what is held open here is as much as there are objects.
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      const again = await source.openLoose(oid, options);
      if (again === undefined) throw missing(oid);
      yield* again.stream(options);
    };
    loose.push({ oid, type, sizeBytes, stream });
  }
  if (loose.length === 0) return;
  const stage = await target.stage(options);
  stages.push(stage);
  await packLoose(loose, target.objectFormat, stage, options);
}

async function copyPack(
  source: Snapshot,
  id: string,
  stage: Stage,
  options: OperationOptions,
): Promise<void> {
  const pack = await source.openPack(id, options);
  try {
    const end = pack.sizeBytes - hashLength(source.objectFormat);
    const hasher = createHasher(source.objectFormat);
    const header = await pack.read(0, HEADER_BYTES, options);
    for (let at = 0; at < end; at += PIECE_BYTES) {
      const piece = await pack.read(at, Math.min(PIECE_BYTES, end - at), options);
      hasher.update(piece);
      await stage.write(piece);
    }
    const trailer = await pack.read(end, pack.sizeBytes - end, options);
    if (!Buffer.from(hasher.digest()).equals(trailer)) {
      throw new StorageError("STORAGE_CORRUPT", `pack ${id} is damaged: its checksum is another one`, {
        key: id,
      });
    }
    for (const kind of BESIDE) {
      const bytes = await pack.sidecar(kind, options);
      if (bytes !== undefined) await stage.sidecar(kind, bytes);
    }
    await stage.seal({ header, trailer });
  } finally {
    await pack[Symbol.asyncDispose]();
  }
}

async function packLoose(
  loose: readonly LooseSource[],
  format: ObjectFormat,
  stage: Stage,
  { signal }: OperationOptions,
): Promise<void> {
  const written = writePack({ format, packs: [], loose, ofsDelta: true, signal });
  const { idx, rev, header, trailer } = await indexPack(written, { format, sink: stage, signal });
  await stage.sidecar("idx", idx);
  await stage.sidecar("rev", rev);
  await stage.seal({ header, trailer });
}

function missing(oid: string): StorageError {
  return new StorageError("STORAGE_NOT_FOUND", `loose object ${oid} is gone`, { key: oid });
}
