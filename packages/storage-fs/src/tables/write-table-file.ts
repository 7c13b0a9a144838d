import { randomBytes } from "node:crypto";
import { open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { integerValue, type RepositoryConfig, booleanValue } from "@millrace/storage";
import { createTableWriter, type TableWriter } from "@millrace/storage/reftable";
import { ifPresent } from "../files/fault.ts";
import type { FsRepository } from "../fs-repository.ts";

/** How tables are laid out, by the repository's configuration (git-config, `reftable.*`). */
export interface TableLayout {
  readonly blockBytes: number;
  readonly restartInterval: number;
  readonly objectIndex: boolean;
}

const MAX_BLOCK_BYTES = 0xffffff;
const MAX_RESTART_INTERVAL = 0xffff;

/** The layout that git would use; what it would not take is left at its default. */
export function readTableLayout(config: RepositoryConfig): TableLayout {
  const within = (key: string, most: number): number | undefined => {
    const value = integerValue(config, key);
    return value !== undefined && value > 0 && value <= most ? value : undefined;
  };
  return {
    blockBytes: within("reftable.blocksize", MAX_BLOCK_BYTES) ?? 4096,
    restartInterval: within("reftable.restartinterval", MAX_RESTART_INTERVAL) ?? 16,
    objectIndex: booleanValue(config, "reftable.indexobjects") ?? true,
  };
}

/** Which updates a table holds, both inclusive. */
export interface UpdateRange {
  readonly minUpdateIndex: number;
  readonly maxUpdateIndex: number;
}

/**
 * Writes a table beside those of a stack, which nobody reads before the list names it, and tells its name.
 * `undefined` where `fill` has put nothing into it.
 */
export async function writeTableFile(
  repository: FsRepository,
  gitDir: string,
  range: UpdateRange,
  fill: (writer: TableWriter, flush: () => Promise<void>) => Promise<number> | number,
): Promise<string | undefined> {
  const { objectFormat: format, settings } = repository;
  const folder = join(gitDir, "reftable");
  const { minUpdateIndex, maxUpdateIndex } = range;
  const stem = `0x${hex(minUpdateIndex, 12)}-0x${hex(maxUpdateIndex, 12)}-${randomBytes(4).toString("hex")}`;
  const temporary = join(folder, `${stem}.temp.${randomBytes(3).toString("hex")}`);
  const layout = readTableLayout(await repository.config());
  const writer = createTableWriter({ format, ...range, ...layout });
  const handle = await open(temporary, "wx", 0o666);
  try {
    let isEmpty: boolean;
    try {
      const flush = async (): Promise<void> => {
        const chunks = writer.take();
        if (chunks.length > 0) await handle.writev(chunks);
      };
      isEmpty = (await fill(writer, flush)) === 0;
      writer.finish();
      await flush();
      if (settings.fsync && !isEmpty) await handle.sync();
    } finally {
      await handle.close();
    }
    if (isEmpty) {
      await unlink(temporary);
      return undefined;
    }
    await (await repository.modes()).adjust(temporary);
    await rename(temporary, join(folder, `${stem}.ref`));
    return `${stem}.ref`;
  } catch (error) {
    await ifPresent(unlink(temporary));
    throw error;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
