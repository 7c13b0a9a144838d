import { MountError } from "../errors.ts";
import { putAside } from "../git-directory/damage.ts";
import { sweepDrafts } from "../git-directory/make.ts";
import { ownGitDirectory } from "../git-directory/where.ts";
import { makeFolder } from "../make-folder.ts";
import type { RepositoryMount } from "../mount-repository.ts";
import { isOfMounting, isPassing } from "../passing-fault.ts";
import { openPlace, type Place } from "../place.ts";
import type { RedirectWish } from "../redirect/schema.ts";
import { askRedirects, handOver } from "./ask-redirects.ts";
import type { Condition } from "./condition.ts";
import type { KeeperHost } from "./keeper-host.ts";
import { LastFetch } from "./last-fetch.ts";
import { mountRow } from "./mount-row.ts";
import { findDamageOf } from "./mend.ts";
import { Placeholder } from "./placeholder.ts";
import { Refresher } from "./refresher.ts";
import type { RowChange } from "./registry.ts";
import { Retry } from "./retry.ts";
import type { Row } from "./schema.ts";
import { notMounted, settled } from "./settled.ts";
import { wordsOf } from "../told-error.ts";
import { Turns } from "../turns.ts";
import { WatchedCondition } from "./watched-condition.ts";

/**
 * Keeps one repository mounted: has its directory wait, shows it there as soon as its root has come, and mounts it again when the
 * mount is gone. Whatever goes wrong is this repository's alone; it is noted and, where that may help, tried again.
 */
export class Keeper {
  #row: Row;
  readonly #host: KeeperHost;
  readonly #condition: WatchedCondition;
  readonly #stop = new AbortController();
  readonly #retry: Retry;
  readonly #fetched: LastFetch;
  readonly #placeholder = new Placeholder();
  readonly #turns = new Turns();
  /** Ends what is under way to mount it. */
  #attempt: AbortController | undefined;
  #place: Place | undefined;
  #mount: RepositoryMount | undefined;
  #refresher: Refresher | undefined;
  #lastFault: string | undefined;

  constructor(row: Row, host: KeeperHost) {
    this.#row = row;
    this.#host = host;
    this.#fetched = new LastFetch(host.stateFolder);
    this.#retry = new Retry(host.retryMs, () => void this.start());
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

  get stateFolder(): string {
    return this.#host.stateFolder;
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

  /** When the remote repository was last looked at with success. */
  async lastFetch(): Promise<Date | undefined> {
    return await this.#fetched.time();
  }

  /**
   * Begins, in the background, where it is to be mounted. Resolves when the directory waits for what is to come, so that nobody takes
   * it for an empty one, or has been found to be unable to.
   */
  async start(): Promise<void> {
    await new Promise<void>((stands) => {
      const work = this.#turns.take(async () => {
        if (this.#condition.now.wanted) await this.#bringUp(stands);
      });
      work.then(stands, stands);
    });
  }

  /** Has it mounted if it is not, and waits for that. Throws what stands in the way. */
  async bringUp(): Promise<void> {
    await this.#turns.take(async () => {
      this.#want(true);
      await this.#bringUp();
    });
  }

  /**
   * Prepares it again where that has failed or is under way, or where its git directory is damaged, which is put aside. Throws FUSE_BUSY where that
   * one is mounted and somebody is inside, MOUNT_PREPARED_DAMAGED of one that was brought, and what stands in the way.
   */
  async prepare(renewed: () => Row): Promise<void> {
    // What is under way may wait for a server that hangs.
    if (this.#condition.now.phase !== "ready") this.#interrupt("prepared anew");
    await this.#turns.take(async () => {
      const { stateFolder } = this.#host;
      const damage = await findDamageOf(this.#row, stateFolder, this.#stop.signal);
      if (this.#mount !== undefined) {
        if (damage === undefined) return;
        await this.#unmount(false);
      }
      if (damage !== undefined) {
        const aside = await putAside(ownGitDirectory(stateFolder), damage);
        this.#host.log(`${this.#row.name}: a damaged ${damage.of} is put aside as ${aside}: ${damage.words}`);
      }
      this.#row = renewed();
      this.#condition.note({ what: "asked-for" });
      this.#condition.note({ what: "preparing" });
      await this.#bringUp();
    });
  }

  /** Takes the mount away, or ends what is under way to it; it stays away. Throws FUSE_BUSY, after which it is as it was. */
  async takeDown(lazy: boolean): Promise<void> {
    this.#interrupt();
    await this.#turns.take(async () => {
      await this.#unmount(lazy);
      this.#want(false);
    });
  }

  /** Takes the mount away and mounts again. Throws FUSE_BUSY, and what stands in the way. */
  async remount(lazy: boolean): Promise<void> {
    this.#interrupt();
    await this.#turns.take(async () => {
      await this.#unmount(lazy);
      this.#want(true);
      await this.#bringUp();
    });
  }

  /** Has directories redirected as soon as git works inside, in the background. Throws as `Redirects.ask`. */
  async redirect(wishes: readonly RedirectWish[]): Promise<void> {
    if (wishes.length === 0) return;
    await this.#turns.take(async () => this.#write(askRedirects(wishes, this.#mount, this.#row)));
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
    await this.#turns.take(() => this.#unmount(lazy));
    await this.#place?.[Symbol.asyncDispose]();
    this.#place = undefined;
  }

  /** Ends all work at once, whoever uses the mount. */
  async abort(): Promise<void> {
    this.#stop.abort(new MountError("MOUNT_STOPPED", `${this.#row.name} is being ended`));
    await this.#refresher?.stop();
    await this.#placeholder.abort();
    await this.#mount?.[Symbol.asyncDispose]();
    await this.#place?.[Symbol.asyncDispose]();
  }

  /** Waits until git works inside, or the history is there. Throws what stands in the way, and `signal.reason`. */
  async settled(until: "ready" | "history", signal: AbortSignal): Promise<void> {
    const { name } = this.#row;
    const ended = this.#stop.signal;
    await settled({ name, condition: this.#condition, mount: () => this.#mount, ended }, until, signal);
  }

  /** The mount, for who needs one. Throws MOUNT_NOT_MOUNTED. */
  mounted(): RepositoryMount {
    if (this.#mount === undefined) throw notMounted(this.#row.name);
    return this.#mount;
  }

  #want(wanted: boolean): void {
    this.#write({ wanted });
    this.#condition.note({ what: wanted ? "asked-for" : "given-up" });
  }

  #write(change: RowChange): void {
    this.#row = this.#host.write(this.#row, change);
  }

  #interrupt(becomes = "unmounted"): void {
    this.#attempt?.abort(new MountError("MOUNT_STOPPED", `${this.#row.name} is being ${becomes}`));
  }

  /** Mounts, unless that is done. What goes wrong is noted, tried again where that may help, and thrown. */
  async #bringUp(stands?: () => void): Promise<void> {
    if (this.#mount !== undefined || this.#stop.signal.aborted) return;
    this.#retry.cancel();
    const attempt = new AbortController();
    this.#attempt = attempt;
    const signal = AbortSignal.any([this.#stop.signal, attempt.signal]);
    try {
      await this.#show(signal, stands);
    } catch (error) {
      await this.#placeholder.fail();
      if (!signal.aborted) this.#fail(error);
      throw error;
    } finally {
      this.#attempt = undefined;
    }
    this.#retry.reset();
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
    if (isPrepared || isPassing(error) || isOfMounting(error)) this.#again();
  }

  /** Shows it as soon as its root is here. @param stands told when its directory waits */
  async #show(signal: AbortSignal, stands: () => void = () => undefined): Promise<void> {
    const { stateFolder, environment } = this.#host;
    const isPrepared = this.#condition.now.phase === "ready";
    if (!isPrepared) this.#condition.note({ what: "preparing" });
    await makeFolder(stateFolder);
    await this.#placeholder.raise(this.#row);
    void this.#placeholder.mount?.then(stands, stands);
    this.#place ??= await openPlace(this.#row.url, environment);
    // Nobody else works in this folder: what a preparation has left there will not come to its end.
    if (!isPrepared) await sweepDrafts(ownGitDirectory(stateFolder), 0);
    const mount = await mountRow(this.#row, this.#host, {
      place: this.#place,
      signal,
      waiting: this.#placeholder.mount,
      onPrepared: isPrepared ? undefined : () => this.#prepared(),
      onFault: (error) => {
        this.#lastFault = wordsOf(error);
      },
      onLacking: (error) => {
        this.#condition.note(
          error === undefined ? { what: "whole" } : { what: "not-whole", error: wordsOf(error) },
        );
      },
    });
    this.#placeholder.leave();
    this.#mount = mount;
    this.#refresh(mount);
    this.#condition.note({ what: "mounted" });
    mount.ended.then(
      () => this.#lost(mount, "somebody has unmounted it"),
      (error: unknown) => this.#lost(mount, wordsOf(error)),
    );
    // The mount keeps from now on what is to be redirected.
    handOver(this.#row, (change) => this.#write(change), this.#host.log);
  }

  async #prepared(): Promise<void> {
    await this.#fetched.note();
    this.#write({ phase: "ready", error: undefined });
    this.#condition.note({ what: "prepared" });
  }

  #refresh(mount: RepositoryMount): void {
    this.#refresher = new Refresher(mount, this.#row.refreshMs, {
      open: () => openPlace(this.#row.url, this.#host.environment),
      refreshed: async () => {
        await this.#fetched.note();
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
    if (!this.#stop.signal.aborted && this.#condition.now.wanted) this.#retry.plan();
  }

  async #unmount(lazy: boolean): Promise<void> {
    this.#retry.cancel();
    const mount = this.#mount;
    if (mount === undefined) {
      await this.#removePlaceholder(lazy);
      return;
    }
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

  async #removePlaceholder(lazy: boolean): Promise<void> {
    try {
      await this.#placeholder.remove(lazy);
    } catch (error) {
      // What was ended for it goes on.
      if (!this.#stop.signal.aborted) void this.start();
      throw error;
    }
  }
}
