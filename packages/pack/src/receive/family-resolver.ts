import { setTimeout as delay } from "node:timers/promises";
import { readDeltaSizes } from "../delta/apply.ts";
import { PackError } from "../errors.ts";
import { DELTA_TOO_LARGE } from "../kernel/kernel.ts";
import type { PackedObject } from "../read/pack-reader.ts";
import {
  type EntryKind,
  KIND_BLOB,
  KIND_OFS_DELTA,
  KIND_TREE,
  kindOfObjectType,
  objectTypeOfKind,
} from "../scan/pack-entry.ts";
import { EntryLoader } from "./entry-loader.ts";
import { type EntryColumns, sizeOfEntry, sizeWord } from "./entry-table.ts";
import { adoptByOid, type Families } from "./families.ts";
import { type Frame, FrameStack } from "./frame-stack.ts";
import { LARGE_BYTES, LargeTurn, TURN_MS } from "./large-turn.ts";
import { type LinkOutput, type ScannedTree, startsBytes } from "./link-output.ts";
import { align, SLACK_BYTES } from "./memory-layout.ts";
import type { Intake } from "./object-intake.ts";
import type { PackedBytes } from "./packed-entries.ts";
import { MadeMeter, maxResultBytes, type ResolveBounds } from "./resolve-bounds.ts";
import { MAX_RANGES, SCRATCH_BYTES, type Workspace } from "./workspace.ts";

/** What resolving the families of a pack needs. */
export interface FamilyResolverOptions {
  readonly workspace: Workspace;
  readonly columns: EntryColumns;
  readonly families: Families;
  /** Deltas that were kept from their arrival. */
  readonly slabs: readonly Uint8Array[];
  readonly packed: PackedBytes;
  readonly intake: Intake;
  readonly links: LinkOutput;
  readonly bounds: ResolveBounds;
  /** Bytes of bases that are kept while their deltas are worked on. */
  readonly budgetBytes: number;
  /** Asked after about 128 KiB of work with the number of deltas resolved since; may wait, and may throw. */
  readonly breathe: (resolved: number) => Promise<void> | undefined;
}

type Findings = ReturnType<Intake["check"]>;

const BREATH_BYTES = 128 * 1024;
/** What an object costs beside its bytes, in bytes, when it comes to taking a breath. */
const OBJECT_COST_BYTES = 2048;

/**
 * Resolves deltas family by family, depth first, in the kernel's memory: each object is made from its base, scanned if
 * it is a tree, and handed to the intake, which hashes it. Several threads may work on one pack, each with a resolver
 * of its own, as long as no two get the same root.
 */
export class FamilyResolver {
  readonly #options: FamilyResolverOptions;
  readonly #stack: FrameStack;
  readonly #loader: EntryLoader;
  /** Ids are needed at once, since deltas may wait for them. */
  readonly #isAdopting: boolean;
  readonly #turn: LargeTurn;
  readonly #meter: MadeMeter;
  #work = 0;
  #resolved = 0;

  constructor(options: FamilyResolverOptions) {
    this.#options = options;
    const { workspace, budgetBytes, intake, columns, bounds } = options;
    this.#stack = new FrameStack(workspace.kernel, workspace.heap, budgetBytes, () => intake.flush(columns));
    this.#loader = new EntryLoader({ ...options, maxHeldBytes: bounds.maxHeldBytes, stack: this.#stack });
    this.#turn = new LargeTurn(bounds.turn);
    this.#meter = new MadeMeter(bounds);
    this.#isAdopting = options.families.groups.count > 0;
  }

  /**
   * Resolves everything below an object that is stored whole; with `withOwnLinks` its own links are gathered, too.
   * Throws PACK_BAD_DELTA, PACK_LIMIT_EXCEEDED, PACK_CORRUPT, PACK_BAD_OBJECT.
   */
  async resolveRoot(entry: number, withOwnLinks = false): Promise<void> {
    const { columns, links, workspace } = this.#options;
    const kind = columns.kinds[entry]!;
    const bytes = sizeOfEntry(columns, entry);
    if (bytes > LARGE_BYTES) await this.awaitTurn();
    const loaded = this.#loader.loadWhole(entry);
    const at = typeof loaded === "number" ? loaded : await loaded;
    this.#pushBase(entry, kind, at, bytes, withOwnLinks);
    if (withOwnLinks && kind !== KIND_TREE) {
      const content = workspace.kernel.bytes.subarray(at, at + bytes);
      links.add(entry, objectTypeOfKind(kind as EntryKind)!, content);
    }
    await this.#resolveBelow(kind, undefined, -1);
  }

  /** Resolves everything below an object from outside, of which `firstChild` is the first delta. */
  async resolveExternal(external: PackedObject, firstChild: number): Promise<void> {
    const kind = kindOfObjectType(external.type);
    this.#pushBase(-1, kind, this.#loader.place(external.content), external.content.length, false);
    await this.#resolveBelow(kind, external, firstChild);
  }

  /** Waits until this thread may hold large objects, which it may then until `giveTurnBack`. */
  async awaitTurn(): Promise<void> {
    while (!this.#turn.take()) {
      await delay(TURN_MS);
      await this.#breathe();
    }
  }

  /** Others may hold large objects from here on: this resolver's memory is done with. */
  giveTurnBack(): void {
    this.#turn.giveBack();
  }

  /** Hashes what still waits, and reports it. */
  async finish(): Promise<void> {
    this.#settle();
    await this.#breathe();
  }

  async #resolveBelow(kind: number, external: PackedObject | undefined, children: number): Promise<void> {
    const { columns, families, intake } = this.#options;
    const { firstChild, nextSibling } = families;
    const { frames } = this.#stack;
    let externalChild = children;
    while (frames.length > 0) {
      const { entry } = frames[frames.length - 1]!;
      const child = entry < 0 ? externalChild : firstChild[entry]!;
      if (child < 0) {
        this.#stack.pop();
        continue;
      }
      const following = nextSibling[child]!;
      if (entry < 0) externalChild = following;
      else firstChild[entry] = following;

      if (frames[frames.length - 1]!.at < 0) await this.#rebuild(external);
      if (sizeOfEntry(columns, child) > LARGE_BYTES) await this.awaitTurn();
      const loaded = this.#loader.delta(child);
      const delta = loaded instanceof Promise ? await loaded : loaded;
      const declared = this.#declared(child, kind, delta);
      if (declared > LARGE_BYTES) await this.awaitTurn();
      this.#make(child, kind, delta, declared, following < 0);
      if (this.#isAdopting) {
        intake.flush(columns);
        adoptByOid(columns, families, child);
        this.#dropChildless();
        this.#stack.giveBack();
      } else if (intake.isFull) this.#settle();
      if (this.#work > BREATH_BYTES) await this.#breathe();
    }
    this.#settle();
  }

  /** Makes the object of a delta entry from the topmost frame, and puts it on the stack where it has deltas itself. */
  #make(child: number, kind: number, delta: Uint8Array, declared: number, isLast: boolean): void {
    const { columns, families, intake, links } = this.#options;
    const { kernel } = this.#options.workspace;
    const isTree = kind === KIND_TREE;
    const base = this.#stack.frames[this.#stack.frames.length - 1]!;
    if (base.depth >= this.#options.bounds.maxDeltaDepth) throw this.#tooDeep(child);
    const { at, bytes } = this.#apply(child, delta, declared, base, isTree);
    const type = objectTypeOfKind(kind as EntryKind)!;
    let findings: Findings;
    let frame: Frame;
    if (isTree) {
      const tree = this.#scan(child, at, bytes, true, base.starts > 0 && base.entry >= 0 ? base : undefined);
      findings = base.isFlawed ? intake.check(type, at, bytes) : intake.checkTree(tree.scanned, at, bytes);
      frame = tree.frame;
      frame.isFlawed = findings !== undefined;
    } else {
      if (kind !== KIND_BLOB) {
        links.add(child, type, kernel.bytes.subarray(at, at + bytes));
        findings = intake.check(type, at, bytes);
      }
      frame = this.#plainFrame(child, at, bytes);
    }
    frame.depth = base.depth + 1;
    columns.types[child] = kind;
    columns.objectSizes[child] = sizeWord(bytes);
    intake.take(child, kind, at, bytes, findings);
    if (isLast) this.#stack.pop();
    if (families.firstChild[child]! >= 0 || this.#isAdopting) this.#stack.push(frame);
    this.#resolved++;
    this.#work += bytes + sizeOfEntry(columns, child) + OBJECT_COST_BYTES;
  }

  /** The size of what a delta makes, as it says itself, which is within the bounds. */
  #declared(child: number, kind: number, delta: Uint8Array): number {
    const { columns, bounds } = this.#options;
    let declared: number;
    try {
      declared = readDeltaSizes(delta).resultBytes;
    } catch (cause) {
      throw this.#badDelta(child, cause as Error);
    }
    const offset = columns.offsets[child];
    if (declared > maxResultBytes(bounds, kind)) {
      const text = `delta at offset ${offset}: result of ${declared} bytes is over the limit`;
      throw new PackError("PACK_LIMIT_EXCEEDED", text, { offset });
    }
    if (this.#meter.add(declared)) {
      throw new PackError("PACK_LIMIT_EXCEEDED", "the deltas of the pack make more than they may", {
        offset,
      });
    }
    return declared;
  }

  /** Applies a delta to the content of a frame that is on the stack, or its guest; answers where the result lies. */
  #apply(
    child: number,
    delta: Uint8Array,
    declared: number,
    base: Frame,
    isTree: boolean,
  ): { at: number; bytes: number } {
    const { workspace, columns } = this.#options;
    const { kernel, ranges } = workspace;
    const resultBytes = align(declared) + (isTree ? startsBytes(declared, columns.hashBytes) + 128 : 0);
    const deltaBytes = delta.length;
    const isSmall = deltaBytes <= SCRATCH_BYTES;
    const isInPlace = delta.buffer === kernel.bytes.buffer;
    // From here on a view of the kernel's memory may be gone.
    const at = this.#stack.allocate(isSmall ? resultBytes : resultBytes + 64 + deltaBytes);
    const deltaAt = isSmall ? workspace.delta : at + resultBytes + 64;
    if (!isInPlace) kernel.bytes.set(delta, deltaAt);
    const made = isTree
      ? kernel.applyDeltaTracked(base.at, base.bytes, deltaAt, deltaBytes, at, declared, ranges, MAX_RANGES)
      : kernel.applyDelta(base.at, base.bytes, deltaAt, deltaBytes, at, declared);
    if (made !== declared) {
      throw this.#badDelta(child, made === DELTA_TOO_LARGE ? "too large" : "its instructions do not fit");
    }
    return { at, bytes: declared };
  }

  #tooDeep(child: number): PackError {
    const offset = this.#options.columns.offsets[child];
    const text = `delta at offset ${offset}: more than ${this.#options.bounds.maxDeltaDepth} deltas on each other`;
    return new PackError("PACK_LIMIT_EXCEEDED", text, { offset });
  }

  #badDelta(child: number, why: Error | string): PackError {
    const offset = this.#options.columns.offsets[child];
    const text = typeof why === "string" ? why : why.message;
    const cause = typeof why === "string" ? undefined : why;
    return new PackError("PACK_BAD_DELTA", `delta at offset ${offset}: ${text}`, { offset, cause });
  }

  /** With deltas by id every object goes on the stack until it is known whether some wait for it. */
  #dropChildless(): void {
    const { frames } = this.#stack;
    const { firstChild } = this.#options.families;
    while (frames.length > 0) {
      const { entry } = frames[frames.length - 1]!;
      if (entry < 0 || firstChild[entry]! >= 0) return;
      this.#stack.pop();
    }
  }

  #pushBase(entry: number, kind: number, at: number, bytes: number, withLinks: boolean): void {
    const { intake } = this.#options;
    if (kind === KIND_TREE && entry >= 0) {
      const { frame, scanned } = this.#scan(entry, at, bytes, withLinks, undefined);
      frame.isFlawed = intake.checkTree(scanned, at, bytes) !== undefined;
      this.#stack.push(frame);
    } else this.#stack.push(this.#plainFrame(entry, at, bytes));
    this.#work += bytes + OBJECT_COST_BYTES;
  }

  /** Scans a tree that was allocated last, on the ground of the one that it was made from where that is given. */
  #scan(
    entry: number,
    at: number,
    bytes: number,
    withLinks: boolean,
    base: Frame | undefined,
  ): { frame: Frame; scanned: ScannedTree } {
    const { links } = this.#options;
    const starts = align(at + bytes + SLACK_BYTES);
    const scanned =
      base === undefined
        ? links.scanTree(entry, at, bytes, starts, withLinks)
        : links.scanTreeByBase(entry, base, at, bytes, starts);
    // Nothing can be told from the entries of what is no tree.
    const { count } = scanned;
    if (count < 0) return { frame: this.#plainFrame(entry, at, bytes), scanned };
    const end = this.#stack.trim(starts, count * 4 + 4);
    return {
      frame: { entry, at, bytes, starts, startCount: count, isFlawed: false, depth: 0, end },
      scanned,
    };
  }

  /** A frame of what was allocated last, without the places of entries. */
  #plainFrame(entry: number, at: number, bytes: number): Frame {
    const end = this.#stack.trim(at, bytes);
    return { entry, at, bytes, starts: 0, startCount: 0, isFlawed: false, depth: 0, end };
  }

  /**
   * Makes the topmost frame's content again, from the nearest ancestor that still has its own. The frames in between
   * get theirs on the way, as far as the budget allows, since the walk is about to come back to them.
   */
  async #rebuild(external: PackedObject | undefined): Promise<void> {
    const { columns } = this.#options;
    const { frames } = this.#stack;
    const chain: number[] = [];
    /** Where each entry of the chain is on the stack; -1 where it has left already. */
    const places: number[] = [];
    let place = frames.length - 1;
    let { entry } = frames[place]!;
    for (;;) {
      const isOnStack = place >= 0 && frames[place]!.entry === entry;
      if (isOnStack && frames[place]!.at >= 0) break;
      chain.push(entry);
      places.push(isOnStack ? place-- : -1);
      if (entry < 0 || columns.kinds[entry]! < KIND_OFS_DELTA) break;
      entry = columns.bases[entry]!;
    }
    let current = place >= 0 && frames[place]!.at >= 0 ? frames[place]! : undefined;
    for (let i = chain.length - 1; i >= 0; i--) {
      const made = await this.#makeAgain(chain[i]!, current, external);
      const onStack = places[i]!;
      if (onStack >= 0) {
        this.#stack.refill(onStack, made.at, made.bytes, made.end);
        current = frames[onStack]!;
      } else current = made;
      this.#stack.guest = onStack >= 0 ? undefined : current;
      this.#work += made.bytes + OBJECT_COST_BYTES;
      if (this.#work > BREATH_BYTES) await this.#breathe();
    }
    this.#stack.guest = undefined;
  }

  /** Makes one object of a chain once more; `base` is the one before it, absent for the chain's first. */
  async #makeAgain(
    entry: number,
    base: Frame | undefined,
    external: PackedObject | undefined,
  ): Promise<Frame> {
    const { columns } = this.#options;
    let at: number;
    let bytes: number;
    if (entry < 0) {
      bytes = external!.content.length;
      at = this.#loader.place(external!.content);
    } else if (base === undefined) {
      bytes = sizeOfEntry(columns, entry);
      at = await this.#loader.loadWhole(entry);
    } else {
      const delta = await this.#loader.delta(entry);
      const declared = this.#declared(entry, columns.types[entry]!, delta);
      ({ at, bytes } = this.#apply(entry, delta, declared, base, false));
    }
    return this.#plainFrame(entry, at, bytes);
  }

  #settle(): void {
    this.#options.intake.flush(this.#options.columns);
    this.#stack.giveBack();
  }

  async #breathe(): Promise<void> {
    this.#work = 0;
    const resolved = this.#resolved;
    this.#resolved = 0;
    await this.#options.breathe(resolved);
  }
}
