import { MountError } from "../errors.ts";
import type { RepositoryMount } from "../mount-repository.ts";
import { waitFor } from "../view/wait.ts";
import type { WatchedCondition } from "./watched-condition.ts";

/** A mount that is kept, to those who wait for it. */
export interface Kept {
  readonly name: string;
  readonly condition: WatchedCondition;
  readonly mount: () => RepositoryMount | undefined;
  /** Aborted when nobody keeps it any more. */
  readonly ended: AbortSignal;
}

/**
 * Waits until git works inside, or the history is there.
 * @throws MountError MOUNT_NOT_MOUNTED with what stands in the way; what `ready` and `history` reject with; the reasons of the signals
 */
export async function settled(
  { name, condition, mount, ended }: Kept,
  until: "ready" | "history",
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    ended.throwIfAborted();
    const there = mount();
    if (there !== undefined) {
      await waitFor(there.ready, signal);
      if (until === "history") await waitFor(there.history, signal);
      return;
    }
    const { phase, wanted, error, mountFault } = condition.now;
    if (!wanted) throw notMounted(name);
    if (phase === "failed") throw new MountError("MOUNT_NOT_MOUNTED", error ?? "it has failed");
    if (mountFault !== undefined) throw new MountError("MOUNT_NOT_MOUNTED", mountFault);
    await condition.changed(AbortSignal.any([signal, ended]));
  }
}

export function notMounted(name: string): MountError {
  return new MountError("MOUNT_NOT_MOUNTED", `${name} is not mounted`);
}
