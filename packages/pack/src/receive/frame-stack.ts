import type { Kernel } from "../kernel/kernel.ts";
import { align, HEADROOM_BYTES, SLACK_BYTES } from "./memory-layout.ts";

/** Memory past the budget for what lies beside the frames: objects that wait to be hashed, holes. */
const BESIDE_BYTES = 4 * 1024 * 1024;

const DROPPED = -1;
/** Frames that are looked at for the highest one. */
const MAX_LOOKED_AT = 16;

/** An object whose deltas are being resolved; its content lies in the kernel's memory. */
export interface Frame {
  /** Number of the entry; -1 for an object from outside the pack. */
  readonly entry: number;
  /** Address of the content; -1 where it was dropped to keep to the budget: it is made again when it is needed. */
  at: number;
  bytes: number;
  /** Of a tree: where its entries start, as u32 at this address, and how many they are; 0 where that is not known. */
  starts: number;
  startCount: number;
  /** The object checks found something in this tree: what is made from it is looked at in full. */
  isFlawed: boolean;
  /** Deltas between it and an object that is stored whole. */
  depth: number;
  /** Where its memory ends. */
  end: number;
}

/**
 * The contents of a delta chain under work, in the kernel's memory: allocated upwards, slid together when it is full,
 * the oldest dropped past the budget.
 */
export class FrameStack {
  readonly frames: Frame[] = [];
  /** Content beside the stack that is to stay for now. */
  guest: Frame | undefined;
  readonly #kernel: Kernel;
  readonly #start: number;
  readonly #budgetBytes: number;
  /** Is to let go of everything that lies in this memory beside the frames. */
  readonly #settle: () => void;
  #top: number;
  #heldBytes = 0;
  /** Frames below this one have no content. */
  #droppedTo = 0;

  constructor(kernel: Kernel, start: number, budgetBytes: number, settle: () => void) {
    this.#kernel = kernel;
    this.#start = start;
    this.#budgetBytes = budgetBytes;
    this.#settle = settle;
    this.#top = start;
  }

  /**
   * An address for `bytes` bytes, with headroom before and slack behind; it is the caller's until the next call.
   * Frames may move meanwhile. Throws PACK_LIMIT_EXCEEDED.
   */
  allocate(bytes: number): number {
    const limit = this.#start + this.#budgetBytes + BESIDE_BYTES;
    if (this.#top + room(bytes) > limit && this.#top > this.#start) {
      this.#settle();
      this.#slideTogether();
    }
    const at = this.#top + HEADROOM_BYTES;
    this.#kernel.ensure(at + bytes + SLACK_BYTES);
    this.#top += room(bytes);
    return at;
  }

  /** Shortens what was allocated last, which starts at `at`, to `bytes`; answers where its memory ends. */
  trim(at: number, bytes: number): number {
    this.#top = align(at + bytes + SLACK_BYTES);
    return this.#top;
  }

  push(frame: Frame): void {
    this.frames.push(frame);
    this.#hold(this.frames.length - 1);
  }

  /** Gives a frame that was dropped its content again. */
  refill(place: number, at: number, bytes: number, end: number): void {
    const frame = this.frames[place]!;
    frame.at = at;
    frame.bytes = bytes;
    frame.end = end;
    frame.starts = 0;
    if (place < this.#droppedTo) this.#droppedTo = place;
    this.#hold(place);
  }

  pop(): void {
    const frame = this.frames.pop()!;
    if (frame.at !== DROPPED) this.#heldBytes -= frame.end - frame.at;
    if (this.#droppedTo > this.frames.length) this.#droppedTo = this.frames.length;
  }

  /** Gives back the memory above the topmost frame, where nothing else lies now. */
  giveBack(): void {
    // Contents that were made again lie anywhere, so all are looked at, unless they are many: then it is full soon enough.
    if (this.guest !== undefined || this.frames.length > MAX_LOOKED_AT) return;
    let top = this.#start;
    for (const frame of this.frames) if (frame.at !== DROPPED && frame.end > top) top = frame.end;
    this.#top = top;
  }

  /** Counts a frame's content, and drops the contents of frames below it where all come to more than the budget. */
  #hold(place: number): void {
    const { frames } = this;
    this.#heldBytes += frames[place]!.end - frames[place]!.at;
    while (this.#heldBytes > this.#budgetBytes && this.#droppedTo < place) {
      const older = frames[this.#droppedTo++]!;
      if (older.at === DROPPED) continue;
      this.#heldBytes -= older.end - older.at;
      older.at = DROPPED;
      older.starts = 0;
    }
  }

  #slideTogether(): void {
    const all = this.guest === undefined ? this.frames : [...this.frames, this.guest];
    const live = all.filter((frame) => frame.at !== DROPPED).toSorted((a, b) => a.at - b.at);
    const { bytes } = this.#kernel;
    let top = this.#start;
    for (const frame of live) {
      const at = top + HEADROOM_BYTES;
      const shift = frame.at - at;
      if (shift > 0) {
        bytes.copyWithin(at, frame.at, frame.end);
        frame.at = at;
        frame.end -= shift;
        if (frame.starts > 0) frame.starts -= shift;
      }
      top = frame.end;
    }
    this.#top = top;
  }
}

function room(bytes: number): number {
  return align(HEADROOM_BYTES + bytes + SLACK_BYTES);
}
