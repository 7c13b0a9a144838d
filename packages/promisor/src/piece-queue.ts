/** Pieces on their way from one who has them at once to one who takes them one by one. */
export class PieceQueue implements AsyncIterable<Uint8Array> {
  readonly #pieces: Uint8Array[] = [];
  #end: { readonly failure?: { readonly error: unknown } | undefined } | undefined;
  #isLeft = false;
  #wake: (() => void) | undefined;
  #drained: (() => void) | undefined;

  push(piece: Uint8Array): void {
    if (this.#isLeft || this.#end !== undefined) return;
    this.#pieces.push(piece);
    this.#wake?.();
  }

  /** No piece comes any more. */
  end(): void {
    this.#end ??= {};
    this.#wake?.();
  }

  /** The reader is told of a failure behind the pieces that are here. */
  fail(error: unknown): void {
    this.#end ??= { failure: { error } };
    this.#wake?.();
  }

  /** Resolves when all pieces were taken, or nobody takes them any more. */
  async drained(): Promise<void> {
    while (this.#pieces.length > 0 && !this.#isLeft) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const piece = this.#pieces.shift();
        if (piece !== undefined) {
          if (this.#pieces.length === 0) this.#drained?.();
          yield piece;
        } else if (this.#end !== undefined) {
          if (this.#end.failure !== undefined) throw this.#end.failure.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#isLeft = true;
      this.#pieces.length = 0;
      this.#drained?.();
    }
  }
}
