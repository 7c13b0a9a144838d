import { utimes, mkdir, realpath, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MountError } from "../errors.ts";
import { findDamage, putAside } from "../git-directory/damage.ts";
import { makeGitDirectory, sweepDrafts } from "../git-directory/make.ts";
import { mountRepository, type RepositoryMount } from "../mount-repository.ts";
import { isPassing } from "../passing-fault.ts";
import { openPlace, type Place } from "../place.ts";
import { waitFor } from "../view/wait.ts";
import { Backoff } from "./backoff.ts";
import type { Condition } from "./condition.ts";
import { clearDirectory } from "./mount-table.ts";
import { Refresher } from "./refresher.ts";
import type { RowChange } from "./registry.ts";
import type { Row } from "./schema.ts";
import { wordsOf } from "./told-error.ts";
import { WatchedCondition } from "./watched-condition.ts";

/** What a keeper works with. */
export interface KeeperHost {
  /** The folder of this mount's own. */
  readonly stateFolder: string;
  readonly cacheFolder: string;
  readonly cacheBytes: number | undefined;
  /** The first wait before a mount that failed is tried again, in milliseconds; it doubles up to ten times that. */
  readonly retryMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Writes to the row; throws MOUNT_ROW_CHANGED where it has been begun anew, or taken out. */
  readonly write: (row: Row, change: RowChange) => Row;
  readonly log: (text: string) => void;
}

/** Waits of a retry grow up to this many times the first one. */
const RETRY_GROWTH = 10;
/**
 * Keeps one repository mounted: prepares it, mounts it, and mounts it again when the mount is gone. Whatever goes wrong is this
 * repository's alone; it is noted and, where that may help, tried again.
 */
export class Keeper {
  #row: Row;
  readonly #host: KeeperHost;
  readonly #condition: WatchedCondition;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  /** What is done one after the other: whatever mounts or unmounts. */
  #turn: Promise<unknown> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #place: Place | undefined;
  #mount: RepositoryMount | undefined;
  #refresher: Refresher | undefined;
  #lastFault: string | undefined;

  constructor(row: Row, host: KeeperHost) {
    this.#row = row;
    this.#host = host;
    this.#backoff = new Backoff(host.retryMs, host.retryMs * RETRY_GROWTH);
    // One that has failed is looked at again after a restart: what stood in the way may be gone.
    const phase = row.phase === "ready" ? "ready" : "preparing";
    const first: Condition = { phase, wanted: row.wanted, mounted: false };
    this.#condition = new WatchedCondition(first, (text) => host.log(`${row.name}: ${text}`));
  }

  get row(): Row {
    return this.#row;
  }

  get condition(): Condition {
    return this.#condition.now;
  }

  get mount(): RepositoryMount | undefined {
    return this.#mount;
  }

  get refresher(): Refresher | undefined {
    return this.#refresher;
  }

  /** What a reader has met last. */
  get lastFault(): string | undefined {
    return this.#lastFault;
  }

  /** When the remote repository was last looked at with success; the time of a file, which is there after a restart, too. */
  async lastFetch(): Promise<Date | undefined> {
    return (await stat(this.#fetchedFile).catch(() => undefined))?.mtime;
  }

  /** Begins, in the background. */
  start(): void {
    if (this.#condition.now.wanted) void this.#inTurn(() => this.#bringUp()).catch(() => undefined);
  }

  /** Has it mounted if it is not, and waits for that. Throws what stands in the way. */
  async bringUp(): Promise<void> {
    await this.#inTurn(async () => {
      this.#want(true);
      await this.#bringUp();
    });
  }

  /**
   * Prepares it again where that has failed, or where its git directory is damaged, which is put aside. Throws FUSE_BUSY where that
   * one is mounted and somebody is inside, and what stands in the way.
   */
  async prepare(renewed: () => Row): Promise<void> {
    await this.#inTurn(async () => {
      const path = join(this.#host.stateFolder, "git");
      const damage = await findDamage(path, { signal: this.#stop.signal });
      if (this.#mount !== undefined) {
        if (damage === undefined) return;
        await this.#unmount(false);
      }
      if (damage !== undefined) {
        const aside = await putAside(path, damage);
        this.#host.log(`${this.#row.name}: a damaged ${damage.of} is put aside as ${aside}: ${damage.words}`);
      }
      this.#row = renewed();
      this.#condition.note({ what: "asked-for" });
      this.#condition.note({ what: "preparing" });
      await this.#bringUp();
    });
  }

  /** Takes the mount away; it stays away. Throws FUSE_BUSY, after which it is as it was. */
  async takeDown(lazy: boolean): Promise<void> {
    await this.#inTurn(async () => {
      await this.#unmount(lazy);
      this.#want(false);
    });
  }

  /** Takes the mount away and mounts again. Throws FUSE_BUSY, and what stands in the way. */
  async remount(lazy: boolean): Promise<void> {
    await this.#inTurn(async () => {
      await this.#unmount(lazy);
      this.#want(true);
      await this.#bringUp();
    });
  }

  setRefresh(refreshMs: number | null): void {
    this.#write({ refreshMs });
    this.#refresher?.setInterval(refreshMs);
  }

  /**
   * Looks now where the remote repository has got to.
   * @throws MountError MOUNT_NOT_MOUNTED, MOUNT_NOT_REFRESHED where that is never to be done; as `GitDirectory.refresh`
   */
  async look(): Promise<void> {
    const { name, refreshMs } = this.#row;
    this.mounted();
    if (refreshMs === null) {
      throw new MountError(
        "MOUNT_NOT_REFRESHED",
        `${name} is never to be refreshed: set-refresh says otherwise`,
      );
    }
    await this.#refresher?.look();
  }

  /** Ends all work and takes the mount away; the row stays as it is. Throws FUSE_BUSY: call it again. */
  async end(lazy: boolean): Promise<void> {
    this.#stop.abort(new MountError("MOUNT_STOPPED", `${this.#row.name} is being ended`));
    await this.#inTurn(() => this.#unmount(lazy));
    await this.#place?.[Symbol.asyncDispose]();
    this.#place = undefined;
  }

  /** Ends all work at once, whoever uses the mount. */
  async abort(): Promise<void> {
    this.#stop.abort(new MountError("MOUNT_STOPPED", `${this.#row.name} is being ended`));
    await this.#refresher?.stop();
    await this.#mount?.[Symbol.asyncDispose]();
    await this.#place?.[Symbol.asyncDispose]();
  }

  /** Waits until git works inside, or the history is there. Throws what stands in the way, and `signal.reason`. */
  async settled(until: "ready" | "history", signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      this.#stop.signal.throwIfAborted();
      const mount = this.#mount;
      if (mount !== undefined) {
        await waitFor(mount.ready, signal);
        if (until === "history") await waitFor(mount.history, signal);
        return;
      }
      const { phase, wanted, error, mountFault } = this.#condition.now;
      if (!wanted) throw notMounted(this.#row.name);
      if (phase === "failed") throw new MountError("MOUNT_NOT_MOUNTED", error ?? "it has failed");
      if (mountFault !== undefined) throw new MountError("MOUNT_NOT_MOUNTED", mountFault);
      await this.#condition.changed(AbortSignal.any([signal, this.#stop.signal]));
    }
  }

  /** The mount, for who needs one. Throws MOUNT_NOT_MOUNTED. */
  mounted(): RepositoryMount {
    if (this.#mount === undefined) throw notMounted(this.#row.name);
    return this.#mount;
  }

  get #fetchedFile(): string {
    return join(this.#host.stateFolder, "fetched");
  }

  #want(wanted: boolean): void {
    this.#write({ wanted });
    this.#condition.note({ what: wanted ? "asked-for" : "given-up" });
  }

  #write(change: RowChange): void {
    this.#row = this.#host.write(this.#row, change);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  /** Prepares and mounts, unless that is done. What goes wrong is noted, tried again where that may help, and thrown. */
  async #bringUp(): Promise<void> {
    if (this.#mount !== undefined || this.#stop.signal.aborted) return;
    clearTimeout(this.#retry);
    try {
      await this.#prepare();
      await this.#show();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error);
      throw error;
    }
    this.#backoff.reset();
  }

  #fail(error: unknown): void {
    const { code } = error as { readonly code?: unknown };
    // Somebody has begun anew, or taken it out: it is theirs now.
    if (code === "MOUNT_ROW_CHANGED" || code === "MOUNT_UNKNOWN_NAME") return;
    const words = wordsOf(error);
    const isPrepared = this.#condition.now.phase === "ready";
    this.#condition.note({ what: isPrepared ? "not-mounted" : "not-prepared", error: words });
    if (!isPrepared) this.#write({ phase: "failed", error: words });
    // What else keeps a preparation from its end waits for somebody.
    if (isPrepared || isPassing(error)) this.#again();
  }

  async #prepare(): Promise<void> {
    const { url, ref, requireCommit, depth } = this.#row;
    const { stateFolder, environment } = this.#host;
    if (this.#condition.now.phase !== "ready") this.#condition.note({ what: "preparing" });
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    await clearDirectory(this.#row.directory);
    await mkdir(this.#row.directory, { recursive: true });
    this.#place ??= await openPlace(url, environment);
    if (this.#condition.now.phase === "ready") return;
    const path = join(await realpath(stateFolder), "git");
    // Nobody else works in this folder: what a preparation has left there will not come to its end.
    await sweepDrafts(path, 0);
    const workTree = await realpath(this.#row.directory);
    const { signal } = this.#stop;
    await makeGitDirectory({ path, workTree, place: this.#place, name: ref, requireCommit, depth, signal });
    await this.#noteFetch();
    this.#write({ phase: "ready", error: undefined });
    this.#condition.note({ what: "prepared" });
  }

  async #show(): Promise<void> {
    const { ref, directory, requireCommit, depth, allowOther, readOnly, lfs, uid, gid } = this.#row;
    const { stateFolder, cacheFolder, cacheBytes } = this.#host;
    const place = this.#place!;
    const { signal } = this.#stop;
    const mount = await mountRepository({
      place,
      name: ref,
      directory,
      requireCommit,
      depth,
      allowOther,
      readOnly,
      lfs,
      uid,
      gid,
      signal,
      stateFolder,
      cacheFolder,
      cacheBytes,
      withHistory: depth !== 1,
      onFault: (error) => {
        this.#lastFault = wordsOf(error);
      },
      onLacking: (error) => {
        this.#condition.note(
          error === undefined ? { what: "whole" } : { what: "not-whole", error: wordsOf(error) },
        );
      },
    });
    this.#mount = mount;
    this.#refresh(mount);
    this.#condition.note({ what: "mounted" });
    mount.ended.then(
      () => this.#lost(mount, "somebody has unmounted it"),
      (error: unknown) => this.#lost(mount, wordsOf(error)),
    );
  }

  #refresh(mount: RepositoryMount): void {
    this.#refresher = new Refresher(mount, this.#row.refreshMs, {
      open: () => openPlace(this.#row.url, this.#host.environment),
      refreshed: async () => {
        await this.#noteFetch();
        this.#condition.note({ what: "refreshed" });
      },
      failed: (error) => this.#condition.note({ what: "not-refreshed", error }),
    });
  }

  #lost(mount: RepositoryMount, error: string): void {
    if (this.#mount !== mount) return;
    this.#mount = undefined;
    void this.#refresher?.stop();
    this.#refresher = undefined;
    this.#condition.note({ what: "lost", error });
    this.#again();
  }

  /** Tries again after a while. */
  #again(): void {
    if (this.#stop.signal.aborted || !this.#condition.now.wanted) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      void this.#inTurn(async () => {
        if (this.#condition.now.wanted) await this.#bringUp();
      }).catch(() => undefined);
    }, this.#backoff.next());
  }

  async #unmount(lazy: boolean): Promise<void> {
    clearTimeout(this.#retry);
    const mount = this.#mount;
    if (mount === undefined) return;
    // Its end is none of those that are noticed; where it stays, it is as it was.
    this.#mount = undefined;
    await this.#refresher?.stop();
    this.#refresher = undefined;
    try {
      await mount.unmount({ lazy });
    } catch (error) {
      this.#mount = mount;
      this.#refresh(mount);
      throw error;
    }
    this.#condition.note({ what: "unmounted" });
  }

  async #noteFetch(): Promise<void> {
    const now = new Date();
    try {
      await utimes(this.#fetchedFile, now, now);
    } catch {
      await writeFile(this.#fetchedFile, "").catch(() => undefined);
    }
  }
}

function notMounted(name: string): MountError {
  return new MountError("MOUNT_NOT_MOUNTED", `${name} is not mounted`);
}
