import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { badValue, lastValue, parseBoolean, type RepositoryConfig } from "@millrace/storage";
import { errnoOf, ifPresent } from "./fault.ts";

/** Gives what we make the modes that a repository which several users write needs (git-config, `core.sharedRepository`). */
export interface SharedModes {
  /** Widens, or sets, the mode of a file or directory that we have made. */
  adjust(path: string): Promise<void>;
  /** Makes a directory and those above it that are missing. */
  makeDirectory(path: string): Promise<void>;
}

/** Bits that are added to what the umask gives, or with `force` take its place; 0 is none. */
export interface SharedPermission {
  readonly bits: number;
  readonly force: boolean;
}

const UMASK: SharedPermission = { bits: 0, force: false };
const GROUP: SharedPermission = { bits: 0o660, force: false };
const EVERYBODY: SharedPermission = { bits: 0o664, force: false };

/** Parses a value of `core.sharedRepository`. Throws `STORAGE_CORRUPT`. */
export function parseSharedPermission(value: string): SharedPermission {
  if (value === "umask") return UMASK;
  if (value === "group") return GROUP;
  if (value === "all" || value === "world" || value === "everybody") return EVERYBODY;
  if (!/^[0-7]+$/.test(value)) {
    const on = parseBoolean(value);
    if (on === undefined) throw badValue("core.sharedRepository", value);
    return on ? GROUP : UMASK;
  }
  const number = Number.parseInt(value, 8);
  if (number === 0) return UMASK;
  if (number === 1) return GROUP;
  if (number === 2) return EVERYBODY;
  // Without these its owner could not work in the repository.
  if ((number & 0o600) !== 0o600) throw badValue("core.sharedRepository", value);
  return { bits: number & 0o666, force: true };
}

/** The modes a repository's configuration asks for. Throws `STORAGE_CORRUPT`. */
export function readSharedModes(config: RepositoryConfig): SharedModes {
  const value = lastValue(config, "core.sharedrepository");
  return createSharedModes(value === undefined ? UMASK : parseSharedPermission(value));
}

/** Modes by one permission. */
export function createSharedModes(permission: SharedPermission): SharedModes {
  if (permission.bits === 0) {
    return {
      async adjust() {},
      async makeDirectory(path) {
        await makeAll(path);
      },
    };
  }
  const adjust = async (path: string): Promise<void> => {
    const { mode } = await stat(path);
    const wanted = sharedMode(mode, permission);
    if (wanted !== (mode & 0o7777)) await chmod(path, wanted);
  };
  return {
    adjust,
    async makeDirectory(path) {
      const first = await makeAll(path);
      if (first === undefined) return;
      // Another writer may have removed it again while it was empty.
      for (let at = path; at.length >= first.length; at = dirname(at)) await ifPresent(adjust(at));
    },
  };
}

/** Makes a directory and those above it; another writer who removes empty ones meanwhile can make that fail for a while. */
async function makeAll(path: string): Promise<string | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await mkdir(path, { recursive: true });
    } catch (error) {
      if (attempt >= 10 || errnoOf(error) !== "ENOENT") throw error;
    }
  }
}

const DIRECTORY = 0o040000;
const SET_GROUP = 0o2000;

/** As git's `adjust_shared_perm`: who may read may also run or enter; files that are read-only stay so. */
function sharedMode(mode: number, { bits, force }: SharedPermission): number {
  let added = bits;
  if ((mode & 0o200) === 0) added &= ~0o222;
  if ((mode & 0o100) !== 0) added |= (added & 0o444) >> 2;
  let wanted = force ? (mode & 0o7000) | added : (mode & 0o7777) | added;
  if ((mode & 0o170000) !== DIRECTORY) return wanted;
  wanted |= (wanted & 0o444) >> 2;
  return (wanted & 0o060) === 0 ? wanted : wanted | SET_GROUP;
}
