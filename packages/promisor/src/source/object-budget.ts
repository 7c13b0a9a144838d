import { PackError } from "@millrace/pack";
import type { FilledSourceLimits } from "../schema.ts";

/** What the objects of one pack may come to, all together. */
export class ObjectBudget {
  readonly #limits: Pick<FilledSourceLimits, "maxTotalBytes" | "maxInflateRatio">;
  #packBytes = 0;
  #objectBytes = 0;

  constructor(limits: Pick<FilledSourceLimits, "maxTotalBytes" | "maxInflateRatio">) {
    this.#limits = limits;
  }

  /** The pack's bytes as they come; they are what objects are measured by. */
  async *counted(pack: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of pack) {
      this.#packBytes += chunk.length;
      yield chunk;
    }
  }

  /** Throws `PACK_LIMIT_EXCEEDED` where an object more is too much. */
  spend(bytes: number): void {
    this.#objectBytes += bytes;
    const { maxTotalBytes, maxInflateRatio } = this.#limits;
    if (this.#objectBytes > maxTotalBytes) {
      throw new PackError("PACK_LIMIT_EXCEEDED", `objects of more than ${maxTotalBytes} bytes in one pack`);
    }
    if (this.#objectBytes > maxInflateRatio * this.#packBytes) {
      const text = `objects of more than ${maxInflateRatio} bytes for each byte of their pack`;
      throw new PackError("PACK_LIMIT_EXCEEDED", text);
    }
  }
}
