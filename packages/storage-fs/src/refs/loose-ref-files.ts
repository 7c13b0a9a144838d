import type { Stats } from "node:fs";
import type { ObjectFormat } from "@millrace/pack";
import { isSameVersion, isSettled, lstatIfPresent } from "../files/file-version.ts";
import type { RawRef } from "@millrace/storage";
import { readLooseRef } from "./ref-file.ts";

/** Files of refs, HEAD among them, that are read again only when they have changed. */
export interface LooseRefFiles {
  /**
   * What a ref's file says; `undefined` where there is none. What is no plain file, such as a symbolic link, is left to
   * `other`.
   */
  read(path: string, other: () => Promise<RawRef | undefined>): Promise<RawRef | undefined>;
}

const MAX_KEPT = 20_000;

export function createLooseRefFiles(format: ObjectFormat): LooseRefFiles {
  const kept = new Map<string, { readonly stats: Stats; readonly raw: RawRef }>();
  return {
    async read(path, other) {
      const stats = await lstatIfPresent(path).catch(() => "unclear" as const);
      if (stats === undefined) return undefined;
      if (stats === "unclear" || !stats.isFile()) return other();
      const known = kept.get(path);
      if (known !== undefined && isSameVersion(known.stats, stats)) return known.raw;
      const settled = isSettled(stats);
      const raw = await readLooseRef(path, format);
      if (raw === undefined || !settled) {
        kept.delete(path);
        return raw;
      }
      if (kept.size >= MAX_KEPT) kept.clear();
      kept.set(path, { stats, raw });
      return raw;
    },
  };
}
