import { randomUUID } from "node:crypto";
import { pause } from "../bucket/attempts.ts";
import type { BarePlace } from "./bare-repository.ts";
import { inParallel } from "../in-parallel.ts";
import { listAll } from "./list-keys.ts";
import { replaceFile } from "./swap-file.ts";

const CLAIM = "claimed ";
const POLL_MS = 200;
/** Keys deleted between two looks at the claim. */
const DELETED_AT_ONCE = 256;
/** What makes a repository, apart from its objects. */
const SETTLED = /^(?:refs\/.*|logs\/.*|packed-refs|shallow|config)$/;
/** What git keeps in a repository: other keys below its name are not its own. */
const OWN = /^(?:[^/]+|(?:objects|refs|logs|info|hooks|branches|worktrees|lfs)\/.*)$/;

/** Whether this is what `HEAD` says while a repository is being made or removed: git finds none there, nor do we. */
export function isClaim(head: string): boolean {
  return head.startsWith(CLAIM);
}

/** The right to say what is under a name: the version of `HEAD` that it rests on. */
export interface Claim {
  readonly etag: string;
}

/**
 * Claims a name under which there is no repository; `undefined` where there is one. The claim of somebody else is
 * waited for; one that does not go on for `claimTimeoutMs` is of somebody who died, and is taken over, and what they
 * left of refs and settings is swept away.
 */
export async function claimName(place: BarePlace, base: string): Promise<Claim | undefined> {
  const key = `${base}HEAD`;
  let since = performance.now();
  let waitingFor: string | undefined;
  for (;;) {
    const head = await place.texts.look(key);
    if (head !== undefined && !isClaim(head.value)) return undefined;
    if (head !== undefined && head.etag !== waitingFor) {
      waitingFor = head.etag;
      since = performance.now();
    }
    if (head !== undefined && performance.now() - since < place.settings.claimTimeoutMs) {
      await pause(POLL_MS);
      continue;
    }
    const claimed = await replaceFile(place, key, newClaim(), head?.etag);
    if (claimed === "lost") continue;
    return head === undefined ? claimed : deleteAll(place, base, claimed, SETTLED);
  }
}

/** Claims the name of a repository that is there, at this version of its `HEAD`, and deletes all of it. `false`: it has moved on. */
export async function removeRepository(place: BarePlace, base: string, headEtag: string): Promise<boolean> {
  const key = `${base}HEAD`;
  const claimed = await replaceFile(place, key, newClaim(), headEtag);
  if (claimed === "lost") return false;
  const left = await deleteAll(place, base, claimed, OWN);
  if (left === undefined) return true;
  if (place.mayDelete) await place.bucket.deleteIf("ref", key, left.etag);
  else await place.bucket.delete("ref", key);
  return true;
}

/**
 * Deletes the keys of a repository, all but `HEAD`, as long as the claim stands: it is renewed in between, so that nobody
 * takes it over meanwhile. `undefined` where somebody has.
 */
async function deleteAll(
  place: BarePlace,
  base: string,
  claim: Claim,
  which: RegExp,
): Promise<Claim | undefined> {
  const { bucket, settings } = place;
  const listed = await listAll(bucket, base, { kind: "file" });
  const keys = listed
    .map(({ key }) => key)
    .filter((key) => key !== `${base}HEAD` && which.test(key.slice(base.length)));
  let now = claim;
  for (let at = 0; at < keys.length; at += DELETED_AT_ONCE) {
    if (at > 0) {
      const renewed = await replaceFile(place, `${base}HEAD`, newClaim(), now.etag);
      if (renewed === "lost") return undefined;
      now = renewed;
    }
    const some = keys.slice(at, at + DELETED_AT_ONCE);
    await inParallel(some, settings.listRefsConcurrency, (key) => bucket.delete("file", key));
  }
  return now;
}

function newClaim(): string {
  return `${CLAIM}${randomUUID()}\n`;
}
