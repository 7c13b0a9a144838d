import { MountError } from "../errors.ts";

/**
 * Cuts bytes into lines of JSON, however they arrive.
 * A line longer than `maxBytes` throws MOUNT_BAD_REQUEST as soon as it is, and so does one that is no JSON.
 */
export class JsonLines {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes; answers the values of the lines that end in them. */
  *push(chunk: Uint8Array): Generator<unknown, void, undefined> {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      this.#take(chunk.subarray(from, end));
      from = end + 1;
      const line = Buffer.concat(this.#parts).toString("utf8");
      this.#parts = [];
      this.#length = 0;
      yield parse(line);
    }
    this.#take(chunk.subarray(from));
  }

  #take(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#maxBytes) {
      throw new MountError("MOUNT_BAD_REQUEST", `a line has more than ${this.#maxBytes} bytes`);
    }
    // The chunk may be used again by whoever read it.
    if (part.length > 0) this.#parts.push(Uint8Array.from(part));
  }
}

/** A value as one line. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new MountError("MOUNT_BAD_REQUEST", "a line is no JSON", { cause });
  }
}
