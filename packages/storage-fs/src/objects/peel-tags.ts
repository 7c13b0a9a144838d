import {
  createBlockCache,
  createByteCache,
  type Oid,
  openPackIndex,
  openPackReader,
  type PackedObject,
  PackError,
  type PackReader,
  readTagTarget,
} from "@millrace/pack";
import type { FsRepository } from "../fs-repository.ts";
import { probeIndex } from "./index-probe.ts";
import { openLooseObject } from "./loose-objects.ts";
import { openPackFile } from "./open-pack.ts";
import type { CatalogedPack } from "./pack-catalog.ts";

/** Tags of tags go no deeper in any repository that means well. */
const MAX_DEPTH = 50;
const CACHE_BYTES = 4 * 1024 * 1024;
/** A tag that is longer is not read for what it points to. */
const MAX_TAG_BYTES = 16 * 1024 * 1024;

/** What the annotated tags among these objects finally point to; objects that are missing or damaged count as no tags. */
export async function peelTags(
  repository: FsRepository,
  oids: readonly Oid[],
): Promise<ReadonlyMap<Oid, Oid>> {
  const { objectFormat } = repository;
  const peeled = new Map<Oid, Oid>();
  /** What is to be looked at, and which tags led there. */
  let pending = new Map<Oid, Oid[]>(oids.map((oid) => [oid, []]));
  for (let depth = 0; depth < MAX_DEPTH && pending.size > 0; depth++) {
    const tags = await readTags(repository, [...pending.keys()]);
    const next = new Map<Oid, Oid[]>();
    for (const [oid, content] of tags) {
      const target = targetOf(content, objectFormat);
      if (target === undefined) continue;
      const roots = [...(pending.get(oid) as Oid[]), oid];
      if (target.type === "tag") next.set(target.oid, [...(next.get(target.oid) ?? []), ...roots]);
      else for (const root of roots) peeled.set(root, target.oid);
    }
    pending = next;
  }
  return peeled;
}

function targetOf(
  content: Uint8Array,
  format: FsRepository["objectFormat"],
): ReturnType<typeof readTagTarget> | undefined {
  try {
    return readTagTarget(content, format);
  } catch {
    return undefined;
  }
}

/** The contents of those objects that are tags. */
async function readTags(
  repository: FsRepository,
  oids: readonly Oid[],
): Promise<ReadonlyMap<Oid, Uint8Array>> {
  const directories = await repository.objectDirectories();
  const tags = new Map<Oid, Uint8Array>();
  const missing = new Set(oids);
  for (const pack of await repository.packs.list(directories)) {
    if (missing.size === 0) return tags;
    const here = await probeIndex(`${pack.base}.idx`, repository.objectFormat, [...missing]);
    if (here.length > 0) await readFromPack(repository, pack, here, tags);
    for (const oid of here) missing.delete(oid);
  }
  for (const oid of missing) {
    const object = await openLooseObject(directories, oid);
    if (object?.type !== "tag" || object.sizeBytes > MAX_TAG_BYTES) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of object.stream()) chunks.push(chunk);
    tags.set(oid, Buffer.concat(chunks));
  }
  return tags;
}

async function readFromPack(
  { objectFormat, settings }: FsRepository,
  pack: CatalogedPack,
  oids: readonly Oid[],
  tags: Map<Oid, Uint8Array>,
): Promise<void> {
  const handle = await openPackFile(pack, settings.cache);
  const bytes = await handle?.sidecar("idx");
  if (handle === undefined || bytes === undefined) return;
  let reader: PackReader | undefined;
  try {
    const index = openPackIndex(bytes, objectFormat);
    const bases = createByteCache<number, PackedObject>({ budgetBytes: CACHE_BYTES });
    const blocks = createBlockCache({ budgetBytes: CACHE_BYTES });
    reader = openPackReader({ source: handle, index, bases, blocks });
    for (const oid of oids) {
      const position = index.findOid(oid);
      if (position < 0) continue;
      const { type, sizeBytes } = await reader.info(position);
      if (type === "tag" && sizeBytes <= MAX_TAG_BYTES) tags.set(oid, (await reader.read(position)).content);
    }
  } catch (error) {
    if (!(error instanceof PackError)) throw error;
  } finally {
    reader?.release();
    await handle[Symbol.asyncDispose]();
  }
}
