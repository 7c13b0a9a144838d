import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  compareTreeEntries,
  encodeTree,
  hashObject,
  type ObjectFormat,
  type Oid,
  oidFromBytes,
} from "@millrace/pack";
import type { OpenBlob, PrefetchedFile } from "../../src/hydrator/blobs.ts";
import type { TreeContent, ViewSource } from "../../src/view/view.ts";

/** What a directory has: contents, or what else there may be under a name. Names are bytes, one to a character. */
export interface Folder {
  readonly [name: string]: string | Folder | Special;
}

/** What is neither a plain file nor a folder. */
class Special {
  readonly mode: number;
  readonly content: string;

  constructor(mode: number, content: string) {
    this.mode = mode;
    this.content = content;
  }
}

/** A symbolic link. */
export const link = (target: string): Special => new Special(0o120000, target);
/** A file that can be run. */
export const run = (content: string): Special => new Special(0o100755, content);
/** A submodule, whose commit is nowhere here. */
export const SUBMODULE: Special = new Special(0o160000, "");

/** Content for a view, in memory; it counts what is asked of it, and answers when `gate` does. */
export class MemorySource implements ViewSource {
  readonly format: ObjectFormat;
  readonly objects = new Map<Oid, Uint8Array>();
  readonly asked = {
    trees: [] as Oid[],
    opens: [] as Oid[],
    sizes: [] as Oid[][],
    prefetched: [] as string[],
  };
  /** Blobs that are open now. */
  opened = 0;
  isLate = false;
  gate: Promise<void> = Promise.resolve();
  readonly #folder = mkdtempSync(join(tmpdir(), "millrace-view-"));

  constructor(format: ObjectFormat = "sha1") {
    this.format = format;
  }

  readonly blobs = {
    open: async (oid: Oid, _priority: number, signal?: AbortSignal): Promise<OpenBlob> => {
      this.asked.opens.push(oid);
      await this.gate;
      signal?.throwIfAborted();
      const content = this.objects.get(oid);
      if (content === undefined) throw new Error(`${oid} is gone`);
      const file = join(this.#folder, oid);
      writeFileSync(file, content);
      const fd = openSync(file, "r");
      this.opened++;
      return {
        fd,
        sizeBytes: content.length,
        release: () => {
          this.opened--;
          closeSync(fd);
        },
      };
    },
    sizeOf: async (oids: readonly Oid[]): Promise<ReadonlyMap<Oid, number>> => {
      this.asked.sizes.push([...oids]);
      await this.gate;
      return new Map(oids.flatMap((oid) => [[oid, this.objects.get(oid)?.length ?? 0] as const]));
    },
    prefetch: (files: readonly PrefetchedFile[]): void => {
      this.asked.prefetched.push(...files.map(({ name }) => name));
    },
  };

  tree(oid: Oid): TreeContent | Promise<TreeContent> {
    this.asked.trees.push(oid);
    const content = (): TreeContent => {
      const found = this.objects.get(oid);
      if (found === undefined) throw new Error(`${oid} is gone`);
      return { content: found };
    };
    return this.isLate ? this.gate.then(content) : content();
  }

  put(type: "blob" | "tree", content: Uint8Array): Oid {
    const oid = oidFromBytes(hashObject(this.format, type, content), 0, this.format);
    this.objects.set(oid, content);
    return oid;
  }

  /** Makes the objects of a folder. @returns the id of its tree */
  folder(folder: Folder): Oid {
    const entries = Object.entries<Folder[string]>(folder).map(([name, what]) => ({
      name: Buffer.from(name, "latin1"),
      ...this.#entry(what),
    }));
    return this.put("tree", encodeTree(entries.toSorted(compareTreeEntries), this.format));
  }

  end(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #entry(what: Folder[string]): { mode: number; oid: Oid } {
    if (what === SUBMODULE)
      return { mode: SUBMODULE.mode, oid: "1".repeat(this.format === "sha1" ? 40 : 64) };
    if (typeof what === "string") return { mode: 0o100644, oid: this.put("blob", Buffer.from(what)) };
    if (what instanceof Special)
      return { mode: what.mode, oid: this.put("blob", Buffer.from(what.content, "latin1")) };
    return { mode: 0o040000, oid: this.folder(what) };
  }
}
