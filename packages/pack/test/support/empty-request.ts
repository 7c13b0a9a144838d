import { EntryTable } from "../../src/receive/entry-table.ts";
import { linkFamilies } from "../../src/receive/families.ts";
import { resolveBounds } from "../../src/receive/resolve-bounds.ts";
import { type ResolveRequest, SHARED_LENGTH } from "../../src/workers/messages.ts";

/** Work on a pack in which there is nothing to do: its file is never read. */
export function emptyRequest(): ResolveRequest {
  const columns = new EntryTable(20).columns();
  return {
    kind: "resolve",
    format: "sha1",
    fd: -1,
    columns,
    slabs: [],
    isStored: false,
    withHashes: true,
    detectCollisions: true,
    withChecks: false,
    withLinks: false,
    bounds: resolveBounds(undefined, 0),
    budgetBytes: 1 << 20,
    shared: new Int32Array(new SharedArrayBuffer(SHARED_LENGTH * 4)),
    families: linkFamilies({ ...columns, count: 0 }, 0),
  };
}
