import type { RandomAccess } from "@millrace/pack";
import { createTableWriter, keyOfName, openTable, type TableRef } from "@millrace/storage/reftable";

/** Writes a table of refs that come in the order of their names, block by block. */
export async function* writeRefs(refs: Iterable<{ name: string; oid: string }>): AsyncGenerator<Uint8Array> {
  const writer = createTableWriter({ format: "sha1", minUpdateIndex: 1, maxUpdateIndex: 1 });
  for (const { name, oid } of refs) {
    writer.addRef({ key: keyOfName(name), updateIndex: 1, oid, peeled: undefined, symref: undefined });
    yield* writer.take();
  }
  writer.finish();
  yield* writer.take();
}

/** Opens the table by a read of its end, and finds one ref by one read more. */
export async function findRef(file: RandomAccess, name: string): Promise<TableRef | undefined> {
  const table = await openTable(file);
  return table.find(keyOfName(name));
}
