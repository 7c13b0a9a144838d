import type {
  CommitRequest,
  CommitResult,
  RefRejection,
  RefUpdate,
  RepositoryStore,
  Stage,
} from "../contract.ts";
import { StorageError } from "../errors.ts";
import { planRefs } from "../ref-plan.ts";
import { createStorageSpans, type PackLanding } from "../spans.ts";
import { addNotice, makeNotice } from "../stored-notices.ts";
import { memoryCapabilities } from "./memory-capabilities.ts";
import { beginMemoryMaintenance, removablePacks } from "./memory-maintenance.ts";
import { generationOf, type MemoryPack, type MemoryRepository, nextState } from "./memory-repository.ts";
import { createMemoryOutbox } from "./memory-outbox.ts";
import { createMemorySnapshot } from "./memory-snapshot.ts";
import { createMemoryStage, type MemoryStage } from "./memory-stage.ts";

export interface MemoryStoreOptions {
  readonly name: string;
  readonly repository: MemoryRepository;
  /** Where a draft appears with its first commit. */
  readonly repositories: Map<string, MemoryRepository>;
  readonly draft: boolean;
}

const spans = createStorageSpans("memory");
const DROPPED = "objects have been dropped meanwhile";

/** One repository in memory; commits replace its state as a whole. */
export function createMemoryStore(options: MemoryStoreOptions): RepositoryStore {
  const { name, repositories } = options;
  const stages = new WeakSet<Stage>();
  let repository = options.repository;
  let draft = options.draft;

  /** Goes over to the repository that another writer has made while this one was a draft. */
  const adopt = (request: CommitRequest): CommitRequest => {
    const existing = draft ? repositories.get(name) : undefined;
    if (existing === undefined) return request;
    if (existing.objectFormat !== repository.objectFormat) {
      throw new StorageError("STORAGE_EXISTS", `${name} has been made with ${existing.objectFormat}`, {
        key: name,
      });
    }
    repository = existing;
    draft = false;
    return { ...request, symrefs: [] };
  };

  const checkAlive = (): void => {
    if (repository.removed) throw new StorageError("STORAGE_NOT_FOUND", `${name} was removed`, { key: name });
  };

  const checkRemoval = ({ remove, refs = [] }: CommitRequest): void => {
    if (remove === undefined || (repository.isMaintained && refs.length === 0)) return;
    throw new StorageError("STORAGE_UNSUPPORTED", "only maintenance removes, and it moves no refs", {
      key: name,
    });
  };

  const commit = async (asked: CommitRequest, signal: AbortSignal | undefined): Promise<CommitResult> => {
    const adding = (asked.add ?? []).map((stage) => {
      if (!stages.has(stage)) throw new StorageError("STORAGE_STAGE_EXPIRED", "a stage of another store");
      return stage as MemoryStage;
    });
    const packs = adding.map((stage) => stage.pack(asked.promised === true));
    for (;;) {
      signal?.throwIfAborted();
      const request = adopt(asked);
      checkAlive();
      const base = repository.state;
      checkRemoval(request);
      const view = createMemorySnapshot(base, repository.objectFormat, spans);
      const denied = await request.check?.(view);
      const isConfirmed = (await request.remove?.confirm?.(view)) ?? true;
      if (repository.state !== base || (draft && repositories.has(name))) continue;
      signal?.throwIfAborted();
      checkAlive();
      if (request.provedOn !== undefined && generationOf(request.provedOn) < base.lossyAt) {
        const refuse = ({ name: ref }: RefUpdate): RefRejection => ({
          name: ref,
          code: "REVALIDATE",
          message: DROPPED,
        });
        return { refs: (request.refs ?? []).map(refuse), committed: false };
      }
      const plan = planRefs(base.refs, request, repository.objectFormat, denied);
      const { shallow = [], unshallow = [] } = request;
      const removed = isConfirmed ? removablePacks(base, request, packs) : new Set<string>();
      const changes = packs.length + plan.changes.size + shallow.length + unshallow.length + removed.size;
      const committed = plan.commits && changes > 0;
      const moved = (request.refs ?? []).filter((_, i) => plan.outcomes[i] === undefined);
      const notice =
        committed && moved.length > 0 && request.notice !== undefined
          ? makeNotice(request.notice, moved, Date.now())
          : undefined;
      if (committed) {
        repository.state = nextState(base, {
          refs: plan.changes,
          packs,
          shallow,
          unshallow,
          removed,
          isLossy: removed.size > 0 && request.remove?.isLossy === true,
        });
        if (notice !== undefined) repository.notices = addNotice(repository.notices, notice);
        if (draft) repositories.set(name, repository);
        draft = false;
        for (const stage of adding) stage.landed();
        for (const pack of packs) await spans.putPack(landing(pack), async () => undefined);
      }
      const result = {
        refs: plan.outcomes,
        committed,
        ...(notice === undefined ? {} : { noticeId: notice.id }),
      };
      return request.remove === undefined ? result : { ...result, removed: [...removed] };
    }
  };

  return {
    name,
    backend: "memory",
    capabilities: memoryCapabilities,
    get objectFormat() {
      return repository.objectFormat;
    },
    async snapshot({ signal } = {}) {
      signal?.throwIfAborted();
      checkAlive();
      return createMemorySnapshot(repository.state, repository.objectFormat, spans);
    },
    async stage({ signal } = {}) {
      signal?.throwIfAborted();
      checkAlive();
      const stage = createMemoryStage(repository.objectFormat, signal);
      stages.add(stage);
      return stage;
    },
    commit: (request, { signal } = {}) => spans.commit(request, () => commit(request, signal)),
    async beginMaintenance({ signal, ...rest } = {}) {
      signal?.throwIfAborted();
      checkAlive();
      return beginMemoryMaintenance(repository, name, rest);
    },
    outbox: createMemoryOutbox(() => repository),
    async [Symbol.asyncDispose]() {},
  };
}

function landing({ id, bytes, sidecars }: MemoryPack): PackLanding {
  return { id, sizeBytes: bytes.length, idxBytes: sidecars.get("idx")?.length ?? 0 };
}
