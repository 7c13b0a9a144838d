import { mkdir, rm } from "node:fs/promises";
import { runGit } from "../git-directory/run-git.ts";
import { MountError } from "../errors.ts";
import { MountedPath } from "./mounted-path.ts";
import type { RedirectBook } from "./redirect-book.ts";
import type { RedirectPhase, RedirectRecord } from "./schema.ts";
import { tellGit } from "./tell-git.ts";

/** A mount whose directories are redirected. */
export interface RedirectPlace {
  /** Where it is mounted, without symbolic links. */
  readonly directory: string;
  readonly gitDirectory: string;
}

/** What redirections of one mount are made with. */
export class RedirectHost {
  readonly book: RedirectBook;
  readonly #place: RedirectPlace;

  constructor(book: RedirectBook, place: RedirectPlace) {
    this.book = book;
    this.#place = place;
  }

  at({ path, folder }: RedirectRecord): MountedPath {
    return new MountedPath(this.#place.directory, path, folder.slice(-12));
  }

  folderOf(record: RedirectRecord): string {
    return this.book.folderOf(record);
  }

  /** Notes how far one has come. */
  note(record: RedirectRecord, phase: RedirectPhase): RedirectRecord {
    return this.book.put({ ...record, phase });
  }

  async makeFolder(): Promise<void> {
    await mkdir(this.book.folder, { recursive: true, mode: 0o700 });
  }

  /** Removes the native copy of one, finished or not. */
  async removeCopy(record: RedirectRecord): Promise<void> {
    const folder = this.folderOf(record);
    for (const each of [folder, draftOf(folder)])
      await rm(each, { recursive: true, force: true, maxRetries: 5 });
  }

  async tellGit(): Promise<void> {
    await tellGit(this.#place.gitDirectory, this.book.records());
  }

  /** Throws MOUNT_REDIRECT_REFUSED where git knows a file there. */
  async refuseTracked(path: string, signal?: AbortSignal): Promise<void> {
    const args = ["--literal-pathspecs", "ls-files", "-z", "--cached", "--", path];
    const out = await runGit({ path: this.#place.gitDirectory, args, signal });
    const [first = ""] = out.split("\0");
    if (first === "") return;
    const why = `${path} cannot be redirected: git tracks ${first}`;
    throw new MountError("MOUNT_REDIRECT_REFUSED", why);
  }
}

/** What a native copy is called until all of it is on the disk. */
export function draftOf(folder: string): string {
  return `${folder}.new`;
}
