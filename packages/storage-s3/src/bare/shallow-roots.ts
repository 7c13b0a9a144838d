import type { Oid } from "@millrace/pack";
import { encodeShallow, parseShallow } from "@millrace/storage";
import type { BarePlace, BareRepository } from "./bare-repository.ts";
import { replaceFile } from "./swap-file.ts";

/** Adds shallow roots beside those that are there, whatever others add meanwhile; answers those that were not there. */
export async function addRoots(
  place: BarePlace,
  repository: BareRepository,
  roots: readonly Oid[],
): Promise<readonly Oid[]> {
  let added: readonly Oid[] = [];
  await rewrite(place, repository, (now) => {
    added = [...new Set(roots)].filter((root) => !now.includes(root));
    return added.length === 0 ? undefined : [...now, ...added];
  });
  return added;
}

/** Takes roots away again, that no ref came to need. */
export async function dropRoots(
  place: BarePlace,
  repository: BareRepository,
  roots: readonly Oid[],
): Promise<void> {
  const gone = new Set(roots);
  await rewrite(place, repository, (now) =>
    now.some((root) => gone.has(root)) ? now.filter((root) => !gone.has(root)) : undefined,
  );
}

async function rewrite(
  place: BarePlace,
  { base, objectFormat }: BareRepository,
  change: (now: readonly Oid[]) => readonly Oid[] | undefined,
): Promise<void> {
  const key = `${base}shallow`;
  for (;;) {
    const now = await place.texts.look(key);
    const next = change(parseShallow(now?.value ?? "", objectFormat));
    if (next === undefined) return;
    const value = encodeShallow(next);
    const written = await replaceFile(place, key, value, now?.etag);
    if (written === "lost") continue;
    place.texts.set(key, { value, etag: written.etag });
    return;
  }
}
