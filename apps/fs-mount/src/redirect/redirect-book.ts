import { randomBytes } from "node:crypto";
import { basename, join } from "node:path";
import { MountError } from "../errors.ts";
import { isBelow } from "../path-below.ts";
import { readState, writeState } from "../state-file.ts";
import {
  INTERRUPTED,
  RedirectFile,
  type RedirectKind,
  type RedirectRecord,
  type RedirectStatus,
} from "./schema.ts";

/**
 * What is redirected in a mount, in `redirects.json` of its state folder, which this process has locked. Each change is on the disk when
 * it returns. The contents are beside it, in `redirects`.
 */
export class RedirectBook {
  /** Where the contents are. */
  readonly folder: string;
  readonly #file: string;
  #records: ReadonlyMap<string, RedirectRecord>;

  /** Throws MOUNT_BAD_STATE where the file is damaged, and what the disk says. */
  constructor(stateFolder: string) {
    this.folder = join(stateFolder, "redirects");
    this.#file = `${this.folder}.json`;
    this.#records = new Map(
      readState(this.#file, RedirectFile)?.redirects.map((record) => [record.path, record]),
    );
  }

  /** By path. */
  records(): readonly RedirectRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  get(path: string): RedirectRecord | undefined {
    return this.#records.get(path);
  }

  /** Where the content of one is. */
  folderOf({ folder }: RedirectRecord): string {
    return join(this.folder, folder);
  }

  /** One that is new, and not kept yet. Its folder has a name that none has had. */
  create(path: string, kind: RedirectKind): RedirectRecord {
    const folder = `${basename(path)}-${randomBytes(6).toString("hex")}`;
    return { path, kind, folder, phase: "asked" };
  }

  /** Throws MOUNT_REDIRECT_REFUSED where a path is in another one, or another one in it. */
  refuseNested(path: string): void {
    for (const { path: other } of this.#records.values()) {
      if (!isBelow(other, path) && !isBelow(path, other)) continue;
      throw new MountError("MOUNT_REDIRECT_REFUSED", `${path} cannot be redirected: ${other} is`);
    }
  }

  /** Keeps one as it is now. Throws as `refuseNested`, and what the disk says. */
  put(record: RedirectRecord): RedirectRecord {
    this.refuseNested(record.path);
    this.#write(new Map(this.#records).set(record.path, record));
    return record;
  }

  drop({ path }: RedirectRecord): void {
    const rest = new Map(this.#records);
    rest.delete(path);
    this.#write(rest);
  }

  #write(records: ReadonlyMap<string, RedirectRecord>): void {
    writeState(this.#file, { version: 1, redirects: [...records.values()] } satisfies RedirectFile);
    this.#records = records;
  }
}

/** The redirections of a state folder that is not mounted; what is damaged tells of none. */
export function listHidden(stateFolder: string): readonly RedirectStatus[] {
  let book: RedirectBook;
  try {
    book = new RedirectBook(stateFolder);
  } catch {
    return [];
  }
  return book.records().map((record) => {
    const { path, kind, phase } = record;
    const told = { path, kind, folder: book.folderOf(record) };
    if (phase === "interrupted") return { ...told, state: "broken", error: INTERRUPTED };
    return { ...told, state: phase === "asked" ? "asked" : "hidden", error: null };
  });
}
