import { MountError } from "../errors.ts";
import type { RepositoryMount } from "../mount-repository.ts";
import type { RedirectWish } from "../redirect/schema.ts";
import { wordsOf } from "../told-error.ts";
import type { RowChange } from "./registry.ts";
import { MAX_WISHES, type Row } from "./schema.ts";

/**
 * Has directories redirected as soon as git works inside, in the background; where nothing is mounted, by the next mount. Throws as
 * `Redirects.ask`, and MOUNT_REDIRECT_REFUSED where too many wait.
 * @returns what is to be written to the row
 */
export function askRedirects(
  wishes: readonly RedirectWish[],
  mount: RepositoryMount | undefined,
  row: Row,
): RowChange {
  if (mount === undefined) {
    const all = new Map([...(row.redirects ?? []), ...wishes].map((wish) => [wish.path, wish]));
    if (all.size > MAX_WISHES)
      throw new MountError(
        "MOUNT_REDIRECT_REFUSED",
        `${row.name}: ${MAX_WISHES} wait to be redirected already`,
      );
    return { redirects: [...all.values()] };
  }
  mount.redirects.ask(wishes);
  void mount.ready.then(() => mount.redirects.make()).catch(() => undefined);
  return {};
}

/** A mount keeps from now on what was to be redirected, and the row does no longer. */
export function handOver(row: Row, write: (change: RowChange) => void, log: (text: string) => void): void {
  if (row.redirects === undefined) return;
  try {
    write({ redirects: undefined });
  } catch (error) {
    // It is asked for again by the next mount, which knows it.
    log(`${row.name}: ${wordsOf(error)}`);
  }
}
