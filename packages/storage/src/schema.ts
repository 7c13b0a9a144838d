import { ObjectFormat } from "@millrace/pack";
import { z } from "zod";

/** What a backend can do; conformance runs the cases whose `needs` it declares, and checks that it declares no less. */
export interface StorageCapabilities {
  /** A snapshot is one instant. */
  readonly consistentSnapshot: boolean;
  /** Several refs move in one step that no reader sees half of. */
  readonly atomicRefs: boolean;
  /** Objects may be stored singly. */
  readonly looseObjects: boolean;
  /** Objects may be borrowed from other repositories. */
  readonly alternates: boolean;
  /** Ref moves are logged. */
  readonly reflog: boolean;
  /** Staged packs have a path that hooks can be given. */
  readonly hooksOnDisk: boolean;
  /** An atomic commit is done whole or not at all, even where others move its refs at the same time. */
  readonly atomicCommits: boolean;
  /** Refs can be deleted. */
  readonly refDeletion: boolean;
  /** Packs can be put together and removed: `beginMaintenance` is there. */
  readonly maintenance?: boolean | undefined;
  /** Packs can be kept as those of a partial clone (`promised`), and shallow roots can go (`unshallow`). */
  readonly partialClones?: boolean | undefined;
  /** Commits can leave notices that outlive the process: `outbox` is there. */
  readonly outbox?: boolean | undefined;
}
export const StorageCapabilities: z.ZodType<StorageCapabilities> = z.object({
  consistentSnapshot: z.boolean(),
  atomicRefs: z.boolean(),
  looseObjects: z.boolean(),
  alternates: z.boolean(),
  reflog: z.boolean(),
  hooksOnDisk: z.boolean(),
  atomicCommits: z.boolean(),
  refDeletion: z.boolean(),
  maintenance: z.boolean().optional(),
  partialClones: z.boolean().optional(),
  outbox: z.boolean().optional(),
});

/** One setting of a repository's configuration. */
export interface ConfigEntry {
  /** `section.key` or `section.Subsection.key`, section and key in lower case. */
  readonly key: string;
  /** `true` where a file gives none. */
  readonly value: string;
}
export const ConfigEntry: z.ZodType<ConfigEntry> = z.object({
  key: z.string().regex(/^[a-z0-9-]+\.(?:[^\n\0]*\.)?[a-z][a-z0-9-]*$/),
  value: z.string().regex(/^[^\0]*$/),
});

export interface CreateOptions {
  /** Default `sha1`. */
  readonly objectFormat?: ObjectFormat | undefined;
  /** What HEAD points to. Default `refs/heads/main`. */
  readonly head?: string | undefined;
  /** The repository appears with its first successful commit. Default `false`. */
  readonly onFirstCommit?: boolean | undefined;
  /** What its configuration says besides what the backend puts there. Default: nothing. */
  readonly config?: readonly ConfigEntry[] | undefined;
}
export const CreateOptions: z.ZodType<CreateOptions> = z.object({
  objectFormat: ObjectFormat.optional(),
  head: z.string().startsWith("refs/").optional(),
  onFirstCommit: z.boolean().optional(),
  config: z.array(ConfigEntry).readonly().optional(),
});

export interface ListOptions {
  /** Only names that start with this. */
  readonly prefix?: string | undefined;
  /** Only names that sort behind this one. */
  readonly after?: string | undefined;
  /** At most this many. */
  readonly limit?: number | undefined;
}
export const ListOptions: z.ZodType<ListOptions> = z.object({
  prefix: z.string().optional(),
  after: z.string().optional(),
  limit: z.number().int().positive().optional(),
});
