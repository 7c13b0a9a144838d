import type { OperationOptions } from "@millrace/pack";
import {
  type CommitRequest,
  type CommitResult,
  holdRefs,
  planRefs,
  type RepositoryStore,
  type Stage,
  StorageError,
  type StorageCapabilities,
  type StoredRef,
} from "@millrace/storage";
import { newState } from "../manifest/repository-state.ts";
import { createS3Snapshot, spans } from "../s3-snapshot.ts";
import { openStage, type S3Stage } from "../stage/s3-stage.ts";
import { type BarePlace, type BareRepository, notFound } from "./bare-repository.ts";
import { createBareSnapshot } from "./bare-snapshot.ts";
import { claimName, isClaim } from "./claim.ts";
import { commitRefs } from "./commit-refs.ts";
import { createWaitingUpload, landPack, type StagedPack } from "./land-pack.ts";
import { makeRepository, type NewBareRepository } from "./make-repository.ts";
import { readFormat } from "./read-format.ts";

export interface BareStoreOptions {
  readonly place: BarePlace;
  readonly repository: BareRepository;
  readonly capabilities: StorageCapabilities;
  /** What the repository becomes with its first commit, where it is not there yet. */
  readonly draft?: NewBareRepository | undefined;
}

/** One repository in a bucket, as git lays it out. */
export function createBareStore(options: BareStoreOptions): RepositoryStore {
  const { place, repository, capabilities } = options;
  const { name, base, objectFormat } = repository;
  const stages = new WeakMap<Stage, S3Stage<StagedPack>>();
  let { draft } = options;

  /** What `HEAD` says now. Throws `STORAGE_NOT_FOUND`. */
  const readHead = async (asked: OperationOptions): Promise<string> => {
    const head = await place.texts.look(`${base}HEAD`, asked);
    if (head === undefined || isClaim(head.value)) throw notFound(name);
    return head.value;
  };

  /** The first commit of a draft; `taken` where somebody else has made the repository. */
  const commitDraft = async (
    made: NewBareRepository,
    request: CommitRequest,
    packs: readonly StagedPack[],
    { signal }: OperationOptions,
  ): Promise<CommitResult | "taken"> => {
    const head = await place.texts.look(`${base}HEAD`, { signal });
    if (head !== undefined && !isClaim(head.value)) return "taken";
    const empty = newState(made);
    const denied = await request.check?.(createS3Snapshot(empty, place.files));
    signal?.throwIfAborted();
    const plan = planRefs(
      holdRefs(new Map([["HEAD", { symref: made.head }]])),
      request,
      objectFormat,
      denied,
    );
    const { shallow = [] } = request;
    const committed = plan.commits && plan.changes.size + packs.length + shallow.length > 0;
    if (!committed) return { refs: plan.outcomes, committed };
    for (const pack of packs) await landPack(place, repository, pack);
    const claim = await claimName(place, base);
    if (claim === undefined) return "taken";
    const refs = new Map<string, StoredRef>();
    for (const [ref, value] of plan.changes) if (value !== null) refs.set(ref, value);
    await makeRepository(place, base, claim, made, { refs, shallow });
    return { refs: plan.outcomes, committed };
  };

  const commit = async (request: CommitRequest, asked: OperationOptions): Promise<CommitResult> => {
    asked.signal?.throwIfAborted();
    if (request.remove !== undefined) {
      throw new StorageError("STORAGE_UNSUPPORTED", "nothing is removed in this layout", { key: name });
    }
    const adding = (request.add ?? []).map((stage) => {
      const own = stages.get(stage);
      if (own === undefined) throw new StorageError("STORAGE_STAGE_EXPIRED", "a stage of another store");
      return own;
    });
    const packs = await Promise.all(adding.map((stage) => stage.uploaded(asked)));
    return repository.inTurn(async () => {
      let wanted = request;
      if (draft !== undefined) {
        const result = await commitDraft(draft, request, packs, asked);
        if (result !== "taken") {
          if (result.committed) draft = undefined;
          return result;
        }
        const format = await readFormat(place, name, asked);
        if (format !== objectFormat) {
          throw new StorageError("STORAGE_EXISTS", `${name} has been made with ${format}`, { key: name });
        }
        draft = undefined;
        // Somebody else has made it meanwhile: HEAD is theirs.
        wanted = { ...request, symrefs: [] };
      } else await readHead(asked);
      return commitRefs(place, repository, wanted, packs, asked);
    });
  };

  return {
    name,
    backend: "s3",
    capabilities,
    objectFormat,
    async snapshot({ signal, mayBeOld = false } = {}) {
      signal?.throwIfAborted();
      if (draft !== undefined) return createS3Snapshot(newState(draft), place.files);
      const { texts } = place;
      const [oldHead, oldConfig] = [texts.known(`${base}HEAD`), texts.known(`${base}config`)];
      const isKnown = mayBeOld && oldHead !== undefined && oldConfig !== undefined;
      const [head, config] = isKnown
        ? [oldHead, oldConfig]
        : await Promise.all([texts.look(`${base}HEAD`, { signal }), texts.look(`${base}config`, { signal })]);
      return createBareSnapshot({ place, repository, head: head?.value, config: config?.value });
    },
    async stage(asked = {}) {
      asked.signal?.throwIfAborted();
      if (draft === undefined) await readHead(asked);
      const { spoolFolder, partBytes, graceMs } = place.settings;
      const expiresMs = place.bucket.nowMs() + graceMs / 2;
      const upload = createWaitingUpload;
      const stage = await openStage({ objectFormat, spoolFolder, expiresMs, partBytes, upload }, asked);
      stages.set(stage, stage);
      return stage;
    },
    commit: (request, asked = {}) => spans.commit(request, () => commit(request, asked)),
    async [Symbol.asyncDispose]() {},
  };
}
