import type { Oid, OperationOptions, WorkerPool } from "@millrace/pack";
import type { RepositoryStore, Snapshot } from "@millrace/storage";
import { ObjectView } from "../objects/object-view.ts";
import type { ObjectCaches, PackSet } from "../objects/pack-set.ts";
import { readReceiveRules } from "../policy/receive-rules.ts";
import type { ReceivePolicy } from "../schema.ts";
import type { RefCommand } from "./command-rules.ts";
import { commitPush } from "./commit-push.ts";
import type { ConnectedBase } from "./connectivity.ts";
import { RepositoryError } from "../errors.ts";
import { type FsckPass, createFsckPass } from "./fsck-pass.ts";
import { judgeCommands } from "./judge-commands.ts";
import { judgeConnectivity, judgeCuts, judgeShallow } from "./judge-connectivity.ts";
import { OverlayReader } from "./overlay-reader.ts";
import { readPackHeader } from "./pack-header.ts";
import type { PushState } from "./push-state.ts";
import { type QuarantinedPack, type ReceiveProgress, quarantinePack } from "./quarantine.ts";
import { readSkipLists } from "./skip-list.ts";
import type { OnReceived } from "./received-push.ts";
import { type UnpackFault, describeUnpackFault } from "./unpack-fault.ts";

export interface ReceiveRequest extends OperationOptions {
  readonly commands: readonly RefCommand[];
  /** All refs or none. */
  readonly atomic: boolean;
  /** Shallow roots of the client: its history ends there. */
  readonly clientShallow?: readonly Oid[] | undefined;
  /** Header to trailer; absent where the commands bring no objects. */
  readonly pack?: AsyncIterable<Uint8Array> | undefined;
  readonly onProgress?: ((progress: ReceiveProgress) => void) | undefined;
}

/** What became of a push. */
export interface ReceiveReport {
  /** `undefined`: the pack was taken; else the words behind `unpack `. */
  readonly unpackError?: string | undefined;
  /** In the order of the commands; `error` holds the words behind `ng <ref> `. */
  readonly refs: readonly { readonly name: string; readonly error?: string | undefined }[];
  /** Lines for the user. */
  readonly messages: readonly string[];
}

/** What a push works with. */
export interface ReceiveContext {
  readonly store: RepositoryStore;
  readonly packs: PackSet;
  readonly caches: ObjectCaches;
  readonly policy: ReceivePolicy;
  /** Threads for larger packs. */
  readonly workers: WorkerPool | undefined;
  /** The repository is being created by this push: HEAD becomes the pushed branch. */
  readonly isNew: boolean;
  readonly onReceived?: OnReceived | undefined;
}

/**
 * Takes a push: quarantine, thin-pack completion, index, fsck, connectivity, then one commit of pack and refs.
 * Whatever is wrong with the push is told in the report, in git's words; only aborts and faults of the store throw.
 * After a refused or broken push nothing of it is left.
 */
export async function receivePush(context: ReceiveContext, request: ReceiveRequest): Promise<ReceiveReport> {
  return withPush(context, request, (push) => judgeAndCommit(context, request, push));
}

/** Opens what a push is judged by, as the repository is now, for as long as `use` takes. */
async function withPush<T>(
  { store, packs, policy }: ReceiveContext,
  { commands, atomic, signal }: ReceiveRequest,
  use: (push: PushState) => Promise<T>,
): Promise<T> {
  const snapshot = await store.snapshot({ signal });
  try {
    const view = await ObjectView.open(snapshot, packs, { signal });
    try {
      const rules = await readReceiveRules(snapshot, policy);
      return await use({
        commands,
        atomic,
        snapshot,
        view,
        rules,
        messages: [...rules.fsck.warnings],
        refused: new Map(),
        followed: new Set(),
        absent: new Set(),
        peeled: new Map(),
        cuts: new Map(),
        signal,
      });
    } finally {
      await view[Symbol.asyncDispose]();
    }
  } finally {
    await snapshot[Symbol.asyncDispose]();
  }
}

/** As often is a push judged again where maintenance has dropped objects since. */
const MAX_JUDGEMENTS = 4;

async function judgeAndCommit(
  context: ReceiveContext,
  request: ReceiveRequest,
  push: PushState,
): Promise<ReceiveReport> {
  const quarantined = await quarantine(context, request, push);
  if (quarantined !== undefined && "reason" in quarantined) {
    push.messages.push(...quarantined.messages);
    for (const command of push.commands) push.refused.set(command, "unpacker error");
    return reportOn(push, quarantined.reason);
  }
  try {
    const told = [...push.messages];
    if (await settle(context, request, push, quarantined)) return reportOn(push);
    for (let judgement = 2; ; judgement++) {
      const report = await withPush(context, request, async (fresh) => {
        fresh.messages.splice(0, fresh.messages.length, ...told);
        const isSettled = await settle(context, request, fresh, quarantined);
        return isSettled || judgement === MAX_JUDGEMENTS ? reportOn(fresh) : undefined;
      });
      if (report !== undefined) return report;
    }
  } finally {
    quarantined?.reader.release();
    await quarantined?.stage[Symbol.asyncDispose]();
  }
}

/** Judges a push and commits what is not refused; `false` where objects that it was judged by have been dropped meanwhile. */
async function settle(
  context: ReceiveContext,
  request: ReceiveRequest,
  push: PushState,
  quarantined: QuarantinedPack | undefined,
): Promise<boolean> {
  const { view, snapshot, signal } = push;
  const reader = quarantined === undefined ? view : new OverlayReader(quarantined.reader, view);
  const brings = push.commands.some((command) => command.new !== null);
  const tips: ReadonlySet<Oid> = brings ? await collectTips(snapshot, signal) : new Set();
  const base: ConnectedBase = { reader: view, tips, shallow: await snapshot.shallow({ signal }), signal };
  await judgeShallow(push, request.clientShallow ?? [], reader, base);
  await judgeConnectivity(push, quarantined, reader, base);
  await judgeCommands(push, reader, base);
  await judgeCuts(push, reader, base);
  return commitPush(push, { ...context, stage: quarantined?.stage });
}

/** The pack in quarantine, or what is wrong with it; `undefined` where there is none, or nothing in it. */
async function quarantine(
  { store, caches, workers, policy: { detectCollisions = true } }: ReceiveContext,
  { pack, onProgress, signal }: ReceiveRequest,
  push: PushState,
): Promise<QuarantinedPack | UnpackFault | undefined> {
  if (pack === undefined) return undefined;
  const headed = await readPackHeader(pack);
  if (headed.fault !== undefined) {
    await headed.release();
    return { reason: headed.fault, messages: [] };
  }
  const { view } = push;
  const { limits, unpackLimit } = push.rules;
  let fsck: FsckPass | undefined;
  try {
    fsck = await startFsck(push);
    return await quarantinePack(store, headed.bytes, {
      view,
      caches,
      fsck,
      limits,
      detectCollisions,
      workers,
      onProgress,
      signal,
    });
  } catch (error) {
    signal?.throwIfAborted();
    const { objectCount } = headed;
    const fault = describeUnpackFault(error, { objectCount, unpackLimit, isLate: fsck?.isLate === true });
    if (fault === undefined) throw error;
    return fault;
  } finally {
    await headed.release();
  }
}

async function startFsck({ rules, snapshot, view, messages }: PushState): Promise<FsckPass | undefined> {
  const { isOn, levels, skipLists, fault } = rules.fsck;
  if (!isOn) return undefined;
  if (fault !== undefined) throw new RepositoryError("REPOSITORY_BAD_FSCK_RULES", fault);
  const skip = await readSkipLists(snapshot, skipLists);
  return createFsckPass(view.format, { levels, skip }, (line) => messages.push(line));
}

function reportOn({ commands, refused, messages }: PushState, unpackError?: string): ReceiveReport {
  const refs = commands.map((command) => ({ name: command.name, error: refused.get(command) }));
  return { unpackError, refs, messages };
}

async function collectTips(snapshot: Snapshot, signal: AbortSignal | undefined): Promise<Set<Oid>> {
  const tips = new Set<Oid>();
  const head = await snapshot.head({ signal });
  if (head.oid !== undefined) tips.add(head.oid);
  for await (const { oid } of snapshot.refs({ signal })) tips.add(oid);
  return tips;
}
