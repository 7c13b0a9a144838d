import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Small contents by their ids. */
export interface ContentStore {
  get(id: string): Promise<Buffer | undefined>;
  /** Throws what the disk says. */
  put(id: string, content: Uint8Array): Promise<void>;
}

/** Contents that need not be known again. */
export function keepInMemory(): ContentStore {
  const kept = new Map<string, Buffer>();
  return {
    get: async (id) => kept.get(id),
    put: async (id, content) => void kept.set(id, Buffer.from(content)),
  };
}

/** Small contents by their ids, in a folder of their own, which is made with the first of them. */
export class KeptFiles implements ContentStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async get(id: string): Promise<Buffer | undefined> {
    return await readFile(join(this.#folder, id)).catch(() => undefined);
  }

  /** Keeps a content, unless it is here. Throws what the disk says. */
  async put(id: string, content: Uint8Array): Promise<void> {
    if ((await this.get(id))?.equals(content) === true) return;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const aside = join(this.#folder, `${id}.${randomUUID()}.new`);
    try {
      await writeFile(aside, content, { mode: 0o600, flush: true });
      await rename(aside, join(this.#folder, id));
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
  }
}
