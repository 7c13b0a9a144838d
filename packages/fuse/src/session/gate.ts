/** How long a close waits for a user that is inside, in milliseconds; the kernel lets it go when the connection ends. */
const PATIENCE_MS = 5000;

/**
 * Keeps a thread from using a descriptor that another one has closed, whose number may be somebody else's by then.
 * The two words are shared: whether it is shut, and how many are inside.
 */
export class Gate {
  readonly words: Int32Array<SharedArrayBuffer>;

  constructor(words: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(8))) {
    this.words = words;
  }

  get isShut(): boolean {
    return Atomics.load(this.words, 0) !== 0;
  }

  /** Runs `use` while the gate is open. @returns `undefined` once it is shut */
  pass<T>(use: () => T): T | undefined {
    Atomics.add(this.words, 1, 1);
    try {
      return Atomics.load(this.words, 0) === 0 ? use() : undefined;
    } finally {
      Atomics.sub(this.words, 1, 1);
      Atomics.notify(this.words, 1);
    }
  }

  /** Lets nobody in from now on, and waits for who is inside. */
  shut(): void {
    Atomics.store(this.words, 0, 1);
    for (let inside = Atomics.load(this.words, 1); inside > 0; inside = Atomics.load(this.words, 1)) {
      if (Atomics.wait(this.words, 1, inside, PATIENCE_MS) === "timed-out") return;
    }
  }
}
