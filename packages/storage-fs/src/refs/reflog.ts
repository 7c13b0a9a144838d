import { appendFile, open, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Oid, zeroOid } from "@millrace/pack";
import { booleanValue, lastValue, type RepositoryConfig } from "@millrace/storage";
import { pruneEmptyDirectories, removeEmptyTree } from "../files/directories.ts";
import { errnoOf, ifPresent } from "../files/fault.ts";
import type { SharedModes } from "../files/shared-modes.ts";
import type { FsRepository } from "../fs-repository.ts";
import { type Place, refBase } from "../place.ts";

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
  const modes = await repository.modes();
  const hasLogs = await anyLogs(place);
  const pathOf = (name: string): string => join(refBase(place, name), "logs", name);

  return {
    async append(name, entry) {
      if (mode === "none" && !hasLogs) return;
      const line = formatEntry(entry, zeroOid(objectFormat));
      const path = pathOf(name);
      if (mode === "always" || (mode === "usual" && isUsual(name))) await appendMaking(path, line, modes);
      else if (!(await appendExisting(path, line))) return;
      // A log that another user made has the modes it needs.
      await modes.adjust(path).catch(() => undefined);
    },
    async remove(name) {
      if (mode === "none" && !hasLogs) return;
      const path = pathOf(name);
      await ifPresent(unlink(path)).catch((error: unknown) => {
        if (errnoOf(error) !== "EISDIR" && errnoOf(error) !== "EPERM") throw error;
      });
      await pruneEmptyDirectories(
        dirname(path),
        join(refBase(place, name), "logs", "refs", name.split("/")[1] as string),
      );
    },
  };
}

async function anyLogs({ gitDir, commonDir }: Place): Promise<boolean> {
  const looks = [...new Set([gitDir, commonDir])].map((base) => ifPresent(stat(join(base, "logs"))));
  return (await Promise.all(looks)).some((found) => found !== undefined);
}

/** Which refs are logged, by the configuration: none but those that have a log, the usual ones, or all. */
export function logMode(config: RepositoryConfig): "none" | "usual" | "always" {
  const setting = lastValue(config, "core.logallrefupdates");
  if (setting?.toLowerCase() === "always") return "always";
  if (setting === undefined) return booleanValue(config, "core.bare") === false ? "usual" : "none";
  return booleanValue(config, "core.logallrefupdates") === true ? "usual" : "none";
}

/** Whether a ref is one of those that are logged without being asked for. */
export function isUsual(name: string): boolean {
  return name === "HEAD" || /^refs\/(?:heads|remotes|notes)\//.test(name);
}

/** Who moved a ref, when (in the time zone of the process), and what for, as git puts it down. */
export interface LogStamp {
  readonly name: string;
  readonly mail: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** As in `-0230`. */
  readonly zone: string;
  readonly message: string;
}

/** The stamp of a move that is made now. Name and mail are without what git leaves out of both. */
export function stampNow({ identity, message }: Pick<ReflogEntry, "identity" | "message">): LogStamp {
  const now = new Date();
  const [, name, mail] = /^([^<]*)<?([^>]*)/.exec(identity ?? "unknown <unknown>") as unknown as [
    string,
    string,
    string,
  ];
  return {
    name: withoutCrud(name),
    mail: withoutCrud(mail),
    time: Math.floor(now.getTime() / 1000),
    zone: formatZone(now),
    message: (message ?? "").replaceAll(/[ \t\n\r]+/g, " ").replaceAll(/^ | $/g, ""),
  };
}

/** The line git writes. */
function formatEntry(entry: ReflogEntry, zero: Oid): string {
  const { name, mail, time, zone, message } = stampNow(entry);
  const tail = message === "" ? "" : `\t${message}`;
  return `${entry.old ?? zero} ${entry.new ?? zero} ${name} <${mail}> ${time} ${zone}${tail}\n`;
}

/** Without the bytes that make up the format, and without punctuation around. */
function withoutCrud(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const crud = /^[\u0000-\u0020.,:;<>"\\']+|[\u0000-\u0020.,:;<>"\\']+$/g;
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(crud, "").replaceAll(/[\u0000\n<>]/g, "");
}

function formatZone(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const digits = (part: number): string => `${Math.floor(part)}`.padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${digits(Math.abs(minutes) / 60)}${digits(Math.abs(minutes) % 60)}`;
}

/** `false` where there is no log. */
async function appendExisting(path: string, line: string): Promise<boolean> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    // Opened for reading and writing, since that alone does not make the file.
    handle = await open(path, "r+");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
  await handle.close();
  await appendFile(path, line);
  return true;
}

async function appendMaking(path: string, line: string, modes: SharedModes): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await appendFile(path, line, { mode: 0o666 });
      return;
    } catch (error) {
      const code = errnoOf(error);
      if (attempt >= 5) throw error;
      if (code === "ENOENT") await modes.makeDirectory(dirname(path));
      else if (code === "EISDIR" && (await removeEmptyTree(path)) === undefined) continue;
      else throw error;
    }
  }
}
