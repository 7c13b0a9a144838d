import { appendFile, mkdir, open, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Oid, zeroOid } from "@millrace/pack";
import { booleanValue, type Config, lastValue } from "../config/read-config.ts";
import { pruneEmptyDirectories, removeEmptyTree } from "../files/directories.ts";
import { errnoOf, ifPresent } from "../files/fault.ts";
import type { FsRepository } from "../fs-repository.ts";

/** Who moves refs, and why. */
export interface ReflogEntry {
  readonly old: Oid | null;
  readonly new: Oid | null;
  readonly identity: string | undefined;
  readonly message: string | undefined;
}

/** Writes reflogs where the configuration, or a log that is there already, asks for it (git-config, core.logAllRefUpdates). */
export interface Reflog {
  append(name: string, entry: ReflogEntry): Promise<void>;
  remove(name: string): Promise<void>;
}

/** The reflogs of a repository, under the configuration as it is now. */
export async function openReflog(repository: FsRepository): Promise<Reflog> {
  const { place, objectFormat } = repository;
  const mode = logMode(await repository.config());
  const pathOf = (name: string): string =>
    join(name === "HEAD" ? place.gitDir : place.commonDir, "logs", name);

  return {
    async append(name, entry) {
      const line = formatEntry(entry, zeroOid(objectFormat));
      const path = pathOf(name);
      if (mode === "always" || (mode === "usual" && isUsual(name))) await appendMaking(path, line);
      else await appendExisting(path, line);
    },
    async remove(name) {
      const path = pathOf(name);
      await ifPresent(unlink(path)).catch((error: unknown) => {
        if (errnoOf(error) !== "EISDIR" && errnoOf(error) !== "EPERM") throw error;
      });
      await pruneEmptyDirectories(dirname(path), join(place.commonDir, "logs", "refs", "_").slice(0, -2));
    },
  };
}

function logMode(config: Config): "none" | "usual" | "always" {
  const setting = lastValue(config, "core.logallrefupdates");
  if (setting?.toLowerCase() === "always") return "always";
  if (setting === undefined) return booleanValue(config, "core.bare") === false ? "usual" : "none";
  return booleanValue(config, "core.logallrefupdates") === true ? "usual" : "none";
}

function isUsual(name: string): boolean {
  return name === "HEAD" || /^refs\/(?:heads|remotes|notes)\//.test(name);
}

/** The line git writes: ids, who, when, and what for. */
function formatEntry(entry: ReflogEntry, zero: Oid): string {
  // oxlint-disable-next-line no-control-regex
  const identity = (entry.identity ?? "unknown <unknown>").replaceAll(/[\u0000\n]/g, "").trim();
  const message = (entry.message ?? "").replaceAll(/\s+/g, " ").trim();
  const time = Math.floor(Date.now() / 1000);
  const tail = message === "" ? "" : `\t${message}`;
  return `${entry.old ?? zero} ${entry.new ?? zero} ${identity} ${time} +0000${tail}\n`;
}

async function appendExisting(path: string, line: string): Promise<void> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    // Opened for reading and writing, since that alone does not make the file.
    handle = await open(path, "r+");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(errnoOf(error) ?? "")) return;
    throw error;
  }
  await handle.close();
  await appendFile(path, line);
}

async function appendMaking(path: string, line: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await appendFile(path, line, { mode: 0o666 });
      return;
    } catch (error) {
      const code = errnoOf(error);
      if (attempt >= 5) throw error;
      if (code === "ENOENT") await mkdir(dirname(path), { recursive: true });
      else if (code === "EISDIR" && (await removeEmptyTree(path)) === undefined) continue;
      else throw error;
    }
  }
}
