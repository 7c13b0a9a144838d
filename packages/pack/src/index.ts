/** Git's data formats: object ids, objects, deltas, packs and indexes, streamed. */
export * from "./schema.ts";
export * from "./errors.ts";
export * from "./random-access.ts";
export { type ByteReader, chunksOf, type ByteStream } from "./stream/byte-stream.ts";
export { clipTargets, dropFirst, roomOf, scatter } from "./stream/targets.ts";
export * from "./object-id.ts";
export * from "./hash.ts";
export * from "./scan/pack-entry.ts";
export { createInflater, type Inflater, type InflaterOptions } from "./inflate/inflater.ts";
export * from "./inflate/inflate-whole.ts";
export * from "./inflate/deflate.ts";
export * from "./scan/pack-scanner.ts";
export * from "./delta/apply.ts";
export { encodeDelta } from "./delta/encode.ts";
export * from "./object/commit.ts";
export * from "./object/tree.ts";
export * from "./object/tag.ts";
export type { ObjectHeader } from "./object/header-lines.ts";
export {
  encodePackIndex,
  encodeReverseIndex,
  encodeReverseIndexOf,
  type PackIndexContent,
} from "./index-file/encode.ts";
export {
  type CommitGraphFile,
  type CommitGraphOptions,
  openCommitGraphFile,
} from "./index-file/commit-graph-file.ts";
export { openPackIndex, type PackIndex } from "./index-file/pack-index.ts";
export { encodePackMtimes, readPackMtimes } from "./index-file/pack-mtimes.ts";
export { type ObjectBits, openPackBitmaps, type PackBitmaps } from "./index-file/pack-bitmaps.ts";
export { isDotGit, isDotGitmodules, isNtfsDotGit, isNtfsDotGitmodules } from "./fsck/dot-names.ts";
export { buildPackGraph, type GraphContent } from "./graph/build-graph.ts";
export { encodeGraphPieces, encodePackGraph, openPackGraph } from "./graph/graph-file.ts";
export type { LinkFragment } from "./graph/link-fragment.ts";
export { createLinkWriter, type LinkWriter } from "./graph/link-writer.ts";
export {
  GITLINK,
  NODE_BLOB,
  NODE_COMMIT,
  NODE_TAG,
  NODE_TREE,
  NODE_TREE_BY_BASE,
  NODE_TYPE_MASK,
} from "./graph/node-kind.ts";
export { PackGraph } from "./graph/pack-graph.ts";
export { readPackGraph } from "./graph/read-graph.ts";
export {
  type BlockCache,
  type BlockCacheOptions,
  type BlockReader,
  createBlockCache,
} from "./cache/block-cache.ts";
export { type ByteCache, type ByteCacheOptions, createByteCache } from "./cache/byte-cache.ts";
export type { StoredEntry } from "./read/entry-source.ts";
export {
  openPackReader,
  type PackedObject,
  type PackedStream,
  type PackReader,
  type PackReaderOptions,
} from "./read/pack-reader.ts";
export type { PackWriteStats } from "./write/copy-selection.ts";
export {
  encodePackHeader,
  type PackPart,
  type PackWrite,
  type PackWriteOptions,
  writePack,
} from "./write/pack-writer.ts";
export { comparePackOrder } from "./write/pack-order.ts";
export { repack, type Repacked, type RepackOptions, type RepackProgress } from "./repack/repack.ts";
export { LOOSE, type RepackPlaces } from "./repack/repack-objects.ts";
export type { LooseSource } from "./write/write-loose.ts";
export {
  type IndexedPack,
  indexPack,
  type IndexPackOptions,
  type IndexProgress,
  type ObjectChecks,
  type PackLinks,
  type VisitedObject,
} from "./receive/index-pack.ts";
export { createWordSearch, type WordSearch } from "./search/word-search.ts";
export { createWorkerPool, type WorkerPool, type WorkerPoolOptions } from "./workers/worker-pool.ts";
export * from "./fsck/session.ts";
export { FSCK_SEVERITIES, type FsckFinding, type FsckSeverity } from "./fsck/finding.ts";
export { formatObjectFilter } from "./filter/format-filter.ts";
export type { ObjectFilter } from "./filter/object-filter.ts";
export { parseObjectFilter } from "./filter/parse-filter.ts";
