import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { wantPlainAddress } from "../address.ts";
import { MountError } from "../errors.ts";
import { areOneInTheOther } from "../path-below.ts";
import { readState, writeState } from "../state-file.ts";
import { Registration, RegistryFile, type Row } from "./schema.ts";

/** What may be written to a row by who works for it. */
export type RowChange = Partial<
  Pick<Row, "phase" | "wanted" | "error" | "refreshMs" | "version" | "redirects">
>;

/**
 * What is registered, in `registry.json` of a state folder that this process has locked. Each change is written aside, synced and
 * renamed, and counts only then: a full disk or the end of the process leaves the old or the new one.
 */
export class Registry {
  readonly #file: string;
  #rows: ReadonlyMap<string, Row>;

  /**
   * Reads what is registered; nothing where there is no file yet.
   * Throws MOUNT_BAD_STATE where the file is damaged, and what the disk says.
   */
  constructor(folder: string) {
    this.#file = join(folder, "registry.json");
    this.#rows = new Map(readState(this.#file, RegistryFile)?.repositories.map((row) => [row.name, row]));
  }

  /** All rows, by name. */
  rows(): readonly Row[] {
    return [...this.#rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): Row | undefined {
    return this.#rows.get(name);
  }

  /**
   * Registers a repository, to be prepared. What is registered already in the same way is answered as it is.
   * Throws MOUNT_NAME_TAKEN; MOUNT_ADDRESS_REFUSED for an address that would be kept with a secret in it; ZodError for what is malformed.
   */
  add(asked: Registration): Row {
    const registration = Registration.parse(asked);
    wantPlainAddress(registration.url);
    const { name, directory } = registration;
    const there = this.#rows.get(name);
    if (there !== undefined) {
      if (isSame(there, registration)) return there;
      throw new MountError("MOUNT_NAME_TAKEN", `${name} is registered already, in another way`);
    }
    for (const row of this.#rows.values()) {
      const theirs = gitDirectoryOf(row);
      if (theirs !== undefined && theirs === gitDirectoryOf(registration))
        throw new MountError("MOUNT_NAME_TAKEN", `${theirs} is the git directory of ${row.name}`);
      if (areOneInTheOther(row.directory, directory)) {
        throw new MountError("MOUNT_NAME_TAKEN", `${directory} belongs to ${row.name}, at ${row.directory}`);
      }
    }
    const row: Row = { ...registration, version: randomUUID(), phase: "preparing", wanted: true };
    this.#write(new Map(this.#rows).set(name, row));
    return row;
  }

  /**
   * Changes a row that still has this version.
   * Throws MOUNT_ROW_CHANGED where it has not, MOUNT_UNKNOWN_NAME where there is none.
   */
  change(name: string, version: string, change: RowChange): Row {
    const row = this.#at(name, version);
    const next: Row = { ...row, ...change };
    if (Object.entries(change).some(([key, value]) => row[key as keyof Row] !== value)) {
      this.#write(new Map(this.#rows).set(name, next));
    }
    return next;
  }

  /** Begins a row anew, under another version. Throws as `change`. */
  renew(name: string, version: string): Row {
    const again = { version: randomUUID(), phase: "preparing", wanted: true, error: undefined } as const;
    return this.change(name, version, again);
  }

  /** Takes a row out. Throws as `change`. */
  remove(name: string, version: string): void {
    this.#at(name, version);
    const rest = new Map(this.#rows);
    rest.delete(name);
    this.#write(rest);
  }

  #at(name: string, version: string): Row {
    const row = this.#rows.get(name);
    if (row === undefined) throw unknownName(name);
    if (row.version !== version) throw new MountError("MOUNT_ROW_CHANGED", `${name} was changed meanwhile`);
    return row;
  }

  #write(rows: ReadonlyMap<string, Row>): void {
    writeState(this.#file, { version: 1, repositories: [...rows.values()] } satisfies RegistryFile);
    this.#rows = rows;
  }
}

/** What is thrown for a name that nothing goes by. */
export function unknownName(name: string): MountError {
  return new MountError("MOUNT_UNKNOWN_NAME", `nothing is registered as ${JSON.stringify(name)}`);
}

/** Where it is, if somebody has said so. */
function gitDirectoryOf({ gitDirectory, preparedGitDirectory }: Registration): string | undefined {
  return preparedGitDirectory ?? gitDirectory;
}

function isSame(row: Row, asked: Registration): boolean {
  const { version: _version, phase: _phase, wanted: _wanted, error: _error, ...there } = row;
  const keys = new Set([...Object.keys(there), ...Object.keys(asked)]) as Set<keyof Registration>;
  // Set later, it is not another repository.
  keys.delete("refreshMs");
  keys.delete("redirects");
  return [...keys].every((key) => there[key] === asked[key]);
}
