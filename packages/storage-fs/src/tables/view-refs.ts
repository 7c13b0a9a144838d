import { type CommitRequest, gatherRefs, type RefTable, type StoredRef } from "@millrace/storage";
import { keyOfName, nameOfKey, type RefRecords, type TableRef } from "@millrace/storage/reftable";
import { toFound } from "./read-stack.ts";

/** The refs that a commit is judged by. `stackOf` gives the stack that a ref belongs to. */
export async function viewRefs(
  request: CommitRequest,
  stackOf: (name: string) => RefRecords,
): Promise<RefTable> {
  return gatherRefs(request, {
    async find(name) {
      const found = await stackOf(name).find(keyOfName(name));
      return found === undefined ? undefined : toStored(found);
    },
    async firstUnder(prefix, count) {
      const names: string[] = [];
      for await (const batch of stackOf(prefix).refs({ prefix: keyOfName(prefix) })) {
        for (const { key } of batch) names.push(nameOfKey(key) ?? key);
        if (names.length >= count) break;
      }
      return names;
    },
    async *all() {
      for await (const batch of stackOf("refs/heads/").refs()) {
        yield batch.flatMap((ref) => {
          const name = nameOfKey(ref.key);
          return name === undefined ? [] : [[name, toStored(ref)] as const];
        });
      }
    },
  });
}

/** A broken ref counts as none: it is written over. */
function toStored(ref: TableRef): StoredRef | undefined {
  const { raw } = toFound(ref);
  return raw === "broken" ? undefined : raw;
}
