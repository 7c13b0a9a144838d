import { compareNames } from "./name-order.ts";
import type { PackedRef } from "./packed-refs.ts";
import { encodeHeader } from "./packed-refs-header.ts";

/**
 * A `packed-refs` file with these refs, in any order; byte for byte what git writes where every `peeled` is known.
 * Where one is not, the file does not promise peeled ids.
 */
export function encodePackedRefs(refs: Iterable<PackedRef>): Uint8Array {
  const sorted = [...refs].sort((a, b) => compareNames(a.name, b.name));
  const known = sorted.every((ref) => ref.peeled !== undefined);
  const lines = sorted.map(({ name, oid, peeled }) =>
    typeof peeled === "string" ? `${oid} ${name}\n^${peeled}\n` : `${oid} ${name}\n`,
  );
  return Buffer.concat([encodeHeader(known ? "all" : "none"), Buffer.from(lines.join(""))]);
}
