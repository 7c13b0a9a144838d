import { type Oid, type OperationOptions, type WorkerPool, oidToBytes } from "@millrace/pack";
import type { CommitResult, RefRejection, RepositoryStore, Snapshot } from "@millrace/storage";
import { type ObjectReader, ObjectView } from "../objects/object-view.ts";
import type { ObjectCaches, PackSet } from "../objects/pack-set.ts";
import { type ReceiveRules, readReceiveRules } from "../policy/receive-rules.ts";
import type { ReceivePolicy } from "../schema.ts";
import { isAncestor } from "../walk/is-ancestor.ts";
import { type RefCommand, type Refusal, refuseCommand } from "./command-rules.ts";
import { type ConnectedBase, isConnected, linksAreConnected } from "./connectivity.ts";
import { createFsckPass } from "./fsck-pass.ts";
import { OverlayReader } from "./overlay-reader.ts";
import { type CutCommand, planShallow } from "./shallow-plan.ts";
import { type QuarantinedPack, type ReceiveProgress, quarantinePack } from "./quarantine.ts";
import { describeUnpackFault } from "./unpack-fault.ts";

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
}

/**
 * Takes a push: quarantine, thin-pack completion, index, fsck, connectivity, then one commit of pack and refs.
 * Whatever is wrong with the push is told in the report, in git's words; only aborts and faults of the store throw.
 * After a refused or broken push nothing of it is left.
 */
export async function receivePush(context: ReceiveContext, request: ReceiveRequest): Promise<ReceiveReport> {
  const { store } = context;
  const { signal } = request;
  const snapshot = await store.snapshot({ signal });
  try {
    const view = await ObjectView.open(snapshot, context.packs, { signal });
    try {
      const rules = await readReceiveRules(snapshot, context.policy);
      return await new Push(context, request, snapshot, view, rules).run();
    } finally {
      await view[Symbol.asyncDispose]();
    }
  } finally {
    await snapshot[Symbol.asyncDispose]();
  }
}

const SHALLOW_REFUSED = "shallow update not allowed";
const UNCONNECTED = "missing necessary objects";

/** One push on its way through the pipeline. */
class Push {
  readonly #context: ReceiveContext;
  readonly #request: ReceiveRequest;
  readonly #snapshot: Snapshot;
  readonly #view: ObjectView;
  readonly #rules: ReceiveRules;
  readonly #messages: string[] = [];
  /** Command → the words behind `ng`. */
  readonly #refused = new Map<RefCommand, string>();
  /** Commands whose history is to end at roots of the client. */
  #cuts: ReadonlyMap<RefCommand, CutCommand> = new Map();

  constructor(
    context: ReceiveContext,
    request: ReceiveRequest,
    snapshot: Snapshot,
    view: ObjectView,
    rules: ReceiveRules,
  ) {
    this.#context = context;
    this.#request = request;
    this.#snapshot = snapshot;
    this.#view = view;
    this.#rules = rules;
  }

  async run(): Promise<ReceiveReport> {
    const { pack, signal } = this.#request;
    let quarantined: QuarantinedPack | undefined;
    if (pack !== undefined) {
      try {
        quarantined = await this.#quarantine(pack);
      } catch (error) {
        signal?.throwIfAborted();
        const fault = describeUnpackFault(error);
        if (fault === undefined) throw error;
        this.#messages.push(...fault.messages);
        for (const command of this.#request.commands) this.#refused.set(command, "unpacker error");
        return this.#report(fault.reason);
      }
    }
    try {
      const reader =
        quarantined === undefined ? this.#view : new OverlayReader(quarantined.reader, this.#view);
      const tips = await collectTips(this.#snapshot, signal);
      const shallow = await this.#snapshot.shallow({ signal });
      const base: ConnectedBase = { reader: this.#view, tips, shallow, signal };
      await this.#planShallow(reader, base);
      await this.#refuseUnconnected(quarantined, reader, base);
      await this.#refuseByRules(reader, base);
      await this.#refuseBadCuts(reader, base);
      await this.#commit(quarantined);
      return this.#report();
    } finally {
      quarantined?.reader.release();
      await quarantined?.stage[Symbol.asyncDispose]();
    }
  }

  #quarantine(pack: AsyncIterable<Uint8Array>): Promise<QuarantinedPack | undefined> {
    const { store, caches, workers } = this.#context;
    const { detectCollisions = true } = this.#context.policy;
    const { onProgress, signal } = this.#request;
    const { fsckLevels, maxPackBytes } = this.#rules;
    const fsck =
      fsckLevels === undefined
        ? undefined
        : createFsckPass(store.objectFormat, fsckLevels, (line) => this.#messages.push(line));
    return quarantinePack(store, pack, {
      view: this.#view,
      caches,
      fsck,
      maxPackBytes,
      detectCollisions,
      workers,
      onProgress,
      signal,
    });
  }

  /** What the push would make shallow here: refused unless the repository allows it. */
  async #planShallow(reader: ObjectReader, { tips, signal }: ConnectedBase): Promise<void> {
    const { commands, clientShallow = [] } = this.#request;
    if (clientShallow.length === 0) return;
    const [snapshot, before] = [this.#snapshot, this.#view];
    const cuts = await planShallow({ commands, clientShallow, snapshot, before, reader, tips, signal });
    if (this.#rules.shallowUpdate) this.#cuts = cuts;
    else {
      for (const [command, { needed }] of cuts) {
        if (needed.length > 0) this.#refused.set(command, SHALLOW_REFUSED);
      }
    }
  }

  async #refuseUnconnected(
    quarantined: QuarantinedPack | undefined,
    reader: ObjectReader,
    base: ConnectedBase,
  ): Promise<void> {
    const updates = this.#request.commands.filter((command) => command.new !== null);
    const packIsConnected =
      quarantined !== undefined && (await linksAreConnected(quarantined.externals, base));
    const isWhole = async (oid: Oid): Promise<boolean> => {
      const brought =
        quarantined !== undefined && quarantined.index.find(oidToBytes(oid)) >= 0 && packIsConnected;
      return brought || base.tips.has(oid) || (await isConnected([oid], reader, base));
    };
    let broken = false;
    for (const command of updates) {
      // A cut history is looked at with its roots, when all else is well.
      if (this.#refused.has(command) || this.#cuts.has(command)) continue;
      if (await isWhole(command.new as Oid)) continue;
      broken = true;
      this.#refused.set(command, UNCONNECTED);
    }
    if (!broken) return;
    // Looking for what is missing, git looks at those too that it has refused before.
    for (const [command, reason] of this.#refused) {
      if (reason === SHALLOW_REFUSED && !(await isWhole(command.new as Oid)))
        this.#refused.set(command, UNCONNECTED);
    }
  }

  /** Histories that end at roots of the client must be whole down to these. */
  async #refuseBadCuts(reader: ObjectReader, base: ConnectedBase): Promise<void> {
    for (const [command, { needed }] of this.#cuts) {
      if (this.#refused.has(command)) continue;
      const shallow = [...(base.shallow ?? []), ...needed];
      if (await isConnected([command.new as Oid], reader, { ...base, shallow })) continue;
      this.#refused.set(command, "shallow error");
    }
  }

  async #refuseByRules(reader: ObjectReader, base: ConnectedBase): Promise<void> {
    for (const command of this.#request.commands) {
      if (this.#refused.has(command)) continue;
      const refusal =
        refuseCommand(command, this.#rules) ?? (await this.#refuseByObjects(command, reader, base));
      if (refusal !== undefined) this.#refuse(command, refusal);
      else if (command.new === null && (await this.#snapshot.ref(command.name)) === undefined) {
        this.#messages.push("warning: deleting a non-existent ref");
      }
    }
  }

  /** The rules that look at what a branch points to. */
  async #refuseByObjects(
    command: RefCommand,
    reader: ObjectReader,
    base: ConnectedBase,
  ): Promise<Refusal | undefined> {
    const { name, old, new: oid } = command;
    if (oid === null || !name.startsWith("refs/heads/")) return undefined;
    if ((await reader.info(oidToBytes(oid)))?.type !== "commit") {
      return {
        reason: "failed to update ref",
        message: `error: cannot update ref '${name}': trying to write non-commit object ${oid} to branch '${name}'`,
      };
    }
    if (!this.#rules.denyNonFastForwards || old === null) return undefined;
    if ((await reader.info(oidToBytes(old)))?.type !== "commit") return { reason: "bad ref" };
    const shallow = [...(base.shallow ?? []), ...(this.#cuts.get(command)?.needed ?? [])];
    if (await isAncestor(reader, old, oid, { shallow, signal: base.signal })) return undefined;
    return {
      reason: "non-fast-forward",
      message: `error: denying non-fast-forward ${name} (you should pull first)`,
    };
  }

  async #commit(quarantined: QuarantinedPack | undefined): Promise<void> {
    const { commands, atomic, signal } = this.#request;
    if (atomic && this.#refused.size > 0) {
      for (const command of commands) {
        if (!this.#refused.has(command)) this.#refused.set(command, "atomic push failure");
      }
    }
    const open = commands.filter((command) => !this.#refused.has(command));
    if (open.length === 0) return;
    const result = await this.#context.store.commit(
      {
        add: quarantined === undefined ? [] : [quarantined.stage],
        refs: open.map(({ name, old, new: target }) => ({
          name,
          // Deleting what is not there is a warning and no fault.
          old: old === null && target === null ? undefined : old,
          new: target,
        })),
        shallow: open.flatMap((command) => this.#cuts.get(command)?.needed ?? []),
        symrefs: this.#context.isNew ? headFor(open) : [],
        atomic,
        message: "push",
        check: (view) => this.#checkAgain(open, view),
      },
      { signal },
    );
    this.#takeOutcome(open, result);
  }

  /** Runs the rules again on the view that is about to be committed on: HEAD may have moved since. */
  async #checkAgain(commands: readonly RefCommand[], view: Snapshot): Promise<RefRejection[]> {
    const rules = await readReceiveRules(view, this.#context.policy);
    return commands.flatMap((command): RefRejection[] => {
      const refusal = refuseCommand(command, rules);
      return refusal === undefined
        ? []
        : [{ name: command.name, code: "REF_DENIED", message: refusal.reason }];
    });
  }

  #takeOutcome(open: readonly RefCommand[], result: CommitResult): void {
    for (const [i, command] of open.entries()) {
      const rejection = result.refs[i];
      if (rejection === undefined) continue;
      if (rejection.code !== "REF_ATOMIC_ABORTED") this.#messages.push(`error: ${rejection.message}`);
      this.#refused.set(command, this.#request.atomic ? "atomic transaction failed" : reasonOf(rejection));
    }
  }

  #refuse(command: RefCommand, { reason, message }: Refusal): void {
    if (message !== undefined) this.#messages.push(message);
    this.#refused.set(command, reason);
  }

  #report(unpackError?: string): ReceiveReport {
    const refs = this.#request.commands.map((command) => ({
      name: command.name,
      error: this.#refused.get(command),
    }));
    return { unpackError, refs, messages: this.#messages };
  }
}

function reasonOf(rejection: RefRejection): string {
  return rejection.code === "REF_DENIED" ? rejection.message : "failed to update ref";
}

/** HEAD of a repository that a push creates: `main`, `master`, else the first branch pushed. */
function headFor(commands: readonly RefCommand[]): { readonly name: string; readonly target: string }[] {
  const branches = commands.map(({ name }) => name).filter((name) => name.startsWith("refs/heads/"));
  const target =
    ["refs/heads/main", "refs/heads/master"].find((name) => branches.includes(name)) ?? branches[0];
  return target === undefined ? [] : [{ name: "HEAD", target }];
}

async function collectTips(snapshot: Snapshot, signal: AbortSignal | undefined): Promise<Set<Oid>> {
  const tips = new Set<Oid>();
  const head = await snapshot.head({ signal });
  if (head.oid !== undefined) tips.add(head.oid);
  for await (const { oid } of snapshot.refs({ signal })) tips.add(oid);
  return tips;
}
