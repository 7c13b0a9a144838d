import { type ObjectFormat, type Oid, isOid } from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import { RepositoryError } from "../errors.ts";

/** The objects that lists name (git-config, `receive.fsck.skipList`). Throws `REPOSITORY_BAD_FSCK_RULES`, in git's words. */
export async function readSkipLists(snapshot: Snapshot, paths: readonly string[]): Promise<ReadonlySet<Oid>> {
  const oids = new Set<Oid>();
  for (const path of paths) {
    const bytes = await snapshot.configuredFile?.(path);
    if (bytes === undefined) throw badList(`could not open object name list: ${path}`);
    parseSkipList(Buffer.from(bytes).toString("latin1"), snapshot.objectFormat, oids);
  }
  return oids;
}

/** Adds what a list names: a full id a line, comments behind `#`, blank lines. Throws `REPOSITORY_BAD_FSCK_RULES`. */
export function parseSkipList(text: string, format: ObjectFormat, into: Set<Oid>): void {
  for (const line of text.split("\n")) {
    const name = line.replace(/#.*$/s, "").trim();
    if (name === "") continue;
    const oid = name.toLowerCase();
    if (!isOid(oid, format)) throw badList(`invalid object name: ${name}`);
    into.add(oid);
  }
}

function badList(message: string): RepositoryError {
  return new RepositoryError("REPOSITORY_BAD_FSCK_RULES", message);
}
