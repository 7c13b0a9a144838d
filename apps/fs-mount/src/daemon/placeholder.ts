import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { mountWaiting, type WaitingMount } from "../front/fuse/waiting-mount.ts";
import { mountNameOf } from "../mount-repository.ts";
import { clearDirectory } from "../mount-table.ts";
import type { Registration } from "./schema.ts";

/** How often, and how long after one another, it is tried to take it away from those who have just been told to leave. */
const TRIES = 20;
const STEP_MS = 50;

/**
 * What stands in a directory before a repository is mounted there, so that nobody takes it for an empty one: who looks into it waits,
 * and gets EIO once the repository could not be had.
 */
export class Placeholder {
  #mount: Promise<WaitingMount> | undefined;

  /** The mount that waits, or is being made; `undefined` where none stands. */
  get mount(): Promise<WaitingMount> | undefined {
    return this.#mount;
  }

  /**
   * Begins to mount it, unless it stands already.
   * @throws MountError MOUNT_DIRECTORY_TAKEN; what the disk says
   */
  async raise({ directory, url, allowOther, readOnly, uid, gid }: Registration): Promise<void> {
    if (this.#mount !== undefined) return;
    await clearDirectory(directory);
    await mkdir(directory, { recursive: true });
    const owner = { uid: uid ?? process.geteuid?.() ?? 0, gid: gid ?? process.getegid?.() ?? 0 };
    const place = { directory, name: mountNameOf(url), allowOther, readOnly };
    const mounting = mountWaiting(place, owner);
    this.#mount = mounting;
    const gone = (): void => {
      if (this.#mount === mounting) this.#mount = undefined;
    };
    mounting.then(({ ended }) => ended.then(gone, gone), gone);
  }

  /** It shows a repository, and is no placeholder any more. */
  leave(): void {
    this.#mount = undefined;
  }

  /** Tells who waits, and who comes, that nothing can be had for now. */
  async fail(): Promise<void> {
    (await this.#standing())?.fail();
  }

  /** Takes it away, and who waits leaves with EIO. Throws FUSE_BUSY where somebody stays inside. */
  async remove(lazy: boolean): Promise<void> {
    const mount = await this.#standing();
    mount?.fail();
    for (let left = TRIES; mount !== undefined; left--) {
      try {
        await mount.unmount({ lazy });
        return;
      } catch (error) {
        if ((error as { readonly code?: unknown }).code !== "FUSE_BUSY" || left <= 1) throw error;
      }
      await sleep(STEP_MS);
    }
  }

  /** Takes it away, whoever is inside. */
  async abort(): Promise<void> {
    await (await this.#standing())?.[Symbol.asyncDispose]();
  }

  async #standing(): Promise<WaitingMount | undefined> {
    return await this.#mount?.catch(() => undefined);
  }
}
