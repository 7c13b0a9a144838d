import { OPCODE } from "../protocol/constants.ts";

/** Opcodes are below this. */
const KINDS = 64;
const [COUNT, ERRORS, SLOW, MICROSECONDS, COLUMNS] = [0, 1, 2, 3, 4];
/** From here on a request is slow, in milliseconds. */
export const SLOW_MS = 100;

const operations = new Map<number, string>(
  Object.entries(OPCODE).map(([name, opcode]) => [opcode, name.toLowerCase()]),
);

/** What was answered of one kind of request, since it was asked for last. */
export interface Answered {
  /** The opcode's name, in small letters. */
  readonly operation: string;
  readonly requests: number;
  /** Those of them that were answered with an error number. */
  readonly errors: number;
  /** Those that took `SLOW_MS` and more. */
  readonly slow: number;
  /** From taking each up to its answer, together, in milliseconds. */
  readonly totalMs: number;
}

/**
 * Counts requests in one thread and is read in another: `words` are shared. While it is off, a request costs one look at it.
 * Counts may wrap around: differences are right as long as fewer than 2^32 (microseconds, too) lie between two looks.
 */
export class Meter {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly #told = new Uint32Array(KINDS * COLUMNS);

  constructor(
    words: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(4 * (1 + KINDS * COLUMNS))),
  ) {
    this.words = words;
  }

  /** Whether anybody wants to know. Not synchronised: it may be seen some requests late. */
  get isOn(): boolean {
    return this.words[0] !== 0;
  }

  turn(on: boolean): void {
    Atomics.store(this.words, 0, on ? 1 : 0);
  }

  /** One request was answered. */
  add(opcode: number, tookMs: number, failed: boolean): void {
    const at = 1 + (opcode % KINDS) * COLUMNS;
    Atomics.add(this.words, at + COUNT, 1);
    if (failed) Atomics.add(this.words, at + ERRORS, 1);
    if (tookMs >= SLOW_MS) Atomics.add(this.words, at + SLOW, 1);
    Atomics.add(this.words, at + MICROSECONDS, Math.round(tookMs * 1000));
  }

  /** What has come since the last call. */
  take(): Answered[] {
    const answered: Answered[] = [];
    for (let opcode = 0; opcode < KINDS; opcode++) {
      const [requests = 0, errors = 0, slow = 0, microseconds = 0] = [COUNT, ERRORS, SLOW, MICROSECONDS].map(
        (column) => this.#since(opcode * COLUMNS + column),
      );
      if (requests === 0 && microseconds === 0) continue;
      const operation = operations.get(opcode) ?? "other";
      answered.push({ operation, requests, errors, slow, totalMs: microseconds / 1000 });
    }
    return answered;
  }

  #since(at: number): number {
    const now = Atomics.load(this.words, 1 + at) >>> 0;
    const since = (now - (this.#told[at] ?? 0)) >>> 0;
    this.#told[at] = now;
    return since;
  }
}
