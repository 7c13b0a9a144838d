/**
 * Where those wait who want what is still to come: until it is there, or until something has gone wrong. From then on they are told so
 * at once, until it is there after all.
 */
export class Gate {
  #state: "shut" | "open" | { readonly error: unknown } = "shut";
  #waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  /** Resolves when it is there. Throws what stands in the way. */
  async pass(): Promise<void> {
    if (this.#state === "open") return;
    if (this.#state !== "shut") throw this.#state.error;
    await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  open(): void {
    this.#state = "open";
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  fail(error: unknown): void {
    if (this.#state === "open") return;
    this.#state = { error };
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
