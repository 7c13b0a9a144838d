import { MountError } from "../errors.ts";
import { moveBack, purge } from "./move-back.ts";
import { moveOut } from "./move-out.ts";
import { RedirectBook } from "./redirect-book.ts";
import { RedirectHost, type RedirectPlace } from "./redirect-host.ts";
import { recover } from "./recover.ts";
import { show } from "./show.ts";
import { wordsOf } from "../told-error.ts";
import { Turns } from "../turns.ts";
import {
  INTERRUPTED,
  isWish,
  type RedirectKind,
  type RedirectRecord,
  type RedirectStatus,
  RedirectWish,
} from "./schema.ts";

/** Where redirections belong, and who is told of what goes wrong with those that nobody waits for. */
export interface RedirectsOptions extends RedirectPlace {
  /** Of the mount; it is locked. */
  readonly stateFolder: string;
  /** Nothing is redirected then. */
  readonly readOnly: boolean;
  readonly onFault: (error: unknown) => void;
}

/**
 * The directories of a mount that are on the native disk. One thing is done at a time. What is kept of them is in the state folder, and
 * shown again by the next mount of it.
 */
export class Redirects {
  readonly #host: RedirectHost;
  readonly #options: RedirectsOptions;
  readonly #faults = new Map<string, string>();
  readonly #turns = new Turns();
  /** Of what is done now. */
  #work = new AbortController();
  #isHidden = false;
  /** Whether what was there before has been shown again, as far as it can be. */
  #isRestored = false;

  /** Throws MOUNT_BAD_STATE where what is kept is damaged, and what the disk says. */
  constructor(options: RedirectsOptions) {
    this.#options = options;
    this.#host = new RedirectHost(new RedirectBook(options.stateFolder), options);
  }

  /**
   * Notes directories that are to be redirected; `make` does it.
   * @throws MountError MOUNT_REDIRECT_REFUSED where that cannot be; ZodError for a malformed path
   */
  ask(wishes: readonly RedirectWish[]): void {
    const { book } = this.#host;
    for (const wish of wishes) {
      const there = book.get(wish.path);
      if (there === undefined) book.put(this.#create(wish));
      else if (there.phase === "interrupted") book.put({ ...there, phase: "asked" });
    }
  }

  /** Shows what was redirected before. What goes wrong with one is told, and stays with it. */
  async restore(): Promise<void> {
    const records = this.#options.readOnly ? [] : this.#host.book.records();
    await this.#inTurn(async () => {
      if (records.length === 0) return;
      await this.#host.tellGit();
      for (const record of records) await this.#try(record, () => recover(this.#host, record));
    }).catch(this.#options.onFault);
    this.#isRestored = true;
  }

  /** Redirects what was asked for. git has to work inside. What goes wrong with one is told, and it is tried again by the next mount. */
  async make(): Promise<void> {
    if (this.#options.readOnly) return;
    for (const record of this.#host.book.records()) {
      if (record.phase !== "asked") continue;
      await this.#inTurn(async (signal) => {
        // Who was before may have made it, or taken it away.
        const now = this.#host.book.get(record.path);
        if (now?.phase !== "asked") return;
        await this.#try(now, () => moveOut(this.#host, now, signal));
      }).catch(this.#options.onFault);
    }
  }

  /**
   * Redirects a directory, with what is in it. One that is redirected already and is not shown is shown again.
   * @throws MountError MOUNT_REDIRECT_REFUSED, MOUNT_REDIRECT_FAILED, MOUNT_NOT_MOUNTED; ZodError; nothing has changed then
   */
  async add(wish: RedirectWish): Promise<void> {
    const { book } = this.#host;
    await this.#inTurn(async (signal) => {
      const there = book.get(wish.path);
      if (there !== undefined && wish.kind !== undefined && wish.kind !== there.kind) {
        const why = `${wish.path} is redirected already, by a ${there.kind}`;
        throw new MountError("MOUNT_REDIRECT_REFUSED", why);
      }
      const record = there ?? this.#create(wish);
      if (there?.phase === "filling") await recover(this.#host, there);
      const now = book.get(wish.path) ?? record;
      try {
        if (isWish(now)) await moveOut(this.#host, now, signal);
        else await recover(this.#host, now);
        this.#faults.delete(wish.path);
      } catch (error) {
        // What could not be taken back is told until it is.
        if (book.get(wish.path)?.phase === "filling") this.#faults.set(wish.path, wordsOf(error));
        throw error;
      }
    });
  }

  /**
   * Takes a redirection away. Its content comes back into the mount, or is deleted.
   * @throws FuseError FUSE_BUSY where somebody is inside; MountError MOUNT_REDIRECT_REFUSED, MOUNT_REDIRECT_FAILED, MOUNT_NOT_MOUNTED;
   *   the redirection is as it was then
   */
  async undo(path: string, deletes: boolean): Promise<void> {
    await this.#inTurn(async (signal) => {
      const { book } = this.#host;
      const record = book.get(path);
      if (record === undefined) throw new MountError("MOUNT_REDIRECT_REFUSED", `${path} is not redirected`);
      if (record.phase !== "shown") await recover(this.#host, record);
      const now = book.get(path);
      if (now === undefined) return;
      if (isWish(now)) book.drop(now);
      else if (deletes) await purge(this.#host, now);
      else await moveBack(this.#host, now, signal);
      this.#faults.delete(path);
    });
  }

  /**
   * Takes away what is mounted in the mount, so that it can be unmounted itself; what is done now is broken off. With `lazy` whoever is
   * inside goes on.
   * @throws FuseError FUSE_BUSY: all is shown as it was
   */
  async hide(lazy: boolean): Promise<void> {
    this.#work.abort(new MountError("MOUNT_STOPPED", "the mount is being taken away"));
    await this.#turns.take(async () => {
      const bound = this.#bound();
      const hidden: RedirectRecord[] = [];
      try {
        for (const record of bound) {
          const at = this.#host.at(record);
          if (!(await at.isBound())) continue;
          await at.unbind(lazy);
          hidden.push(record);
        }
        this.#isHidden = true;
      } catch (error) {
        for (const record of hidden) await this.#try(record, () => show(this.#host, record));
        throw error;
      }
    });
  }

  /** Breaks off what is done now, and waits for its end: the mount is gone. What comes later is refused. */
  async stop(): Promise<void> {
    this.#work.abort(new MountError("MOUNT_STOPPED", "the mount has ended"));
    this.#isHidden = true;
    await this.#turns.take(async () => undefined);
  }

  /** Shows again what was hidden. */
  async unhide(): Promise<void> {
    await this.#turns.take(async () => {
      this.#isHidden = false;
      for (const record of this.#bound()) await this.#try(record, () => show(this.#host, record));
    });
  }

  /** How it stands with each; the mount is not touched. */
  async list(): Promise<readonly RedirectStatus[]> {
    return await Promise.all(this.#host.book.records().map((record) => this.#tell(record)));
  }

  async #tell(record: RedirectRecord): Promise<RedirectStatus> {
    const { path, kind, phase } = record;
    const folder = this.#host.folderOf(record);
    const fault = this.#faults.get(path);
    const told = { path, kind, folder };
    if (this.#options.readOnly || this.#isHidden) return { ...told, state: "hidden", error: null };
    if (fault !== undefined) return { ...told, state: "broken", error: fault };
    if (phase === "interrupted") return { ...told, state: "broken", error: INTERRUPTED };
    if (phase === "asked") return { ...told, state: "asked", error: null };
    if (!this.#isRestored) return { ...told, state: "hidden", error: null };
    if (phase === "filling") return { ...told, state: "asked", error: null };
    if (kind === "bind" && phase === "shown" && !(await this.#host.at(record).isBound()))
      return { ...told, state: "broken", error: "it is not mounted: redirect it again" };
    return { ...told, state: "shown", error: null };
  }

  #bound(): readonly RedirectRecord[] {
    return this.#host.book.records().filter((record) => record.kind === "bind" && !isWish(record));
  }

  #create(wish: RedirectWish): RedirectRecord {
    const { path, kind = usualKind() } = RedirectWish.parse(wish);
    if (this.#options.readOnly)
      throw new MountError("MOUNT_REDIRECT_REFUSED", `${path} cannot be redirected: the mount is read-only`);
    if (kind === "bind" && usualKind() !== "bind")
      throw new MountError(
        "MOUNT_REDIRECT_REFUSED",
        `${path}: only root may mount over it; --link is the way`,
      );
    return this.#host.book.create(path, kind);
  }

  /** What goes wrong is told, and kept with the redirection. */
  async #try({ path }: RedirectRecord, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.#faults.delete(path);
    } catch (error) {
      this.#faults.set(path, wordsOf(error));
      this.#options.onFault(error);
    }
  }

  async #inTurn(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    await this.#turns.take(async () => {
      if (this.#isHidden) throw new MountError("MOUNT_NOT_MOUNTED", "the mount is being taken away");
      this.#work = new AbortController();
      await work(this.#work.signal);
    });
  }
}

/** Root may mount over what it serves; what root mounts for somebody else is served under their id. */
function usualKind(): RedirectKind {
  return process.geteuid?.() === 0 ? "bind" : "link";
}
