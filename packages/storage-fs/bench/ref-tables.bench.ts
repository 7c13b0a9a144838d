/**
 * 100,000 refs, a fifth of them annotated tags, in `packed-refs` and in a ref table: the full listing, a prefix of 1,000,
 * one ref, and a commit of one, each on a repository that is open.
 */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareNames, encodePackedRefs, type RepositoryStore } from "@millrace/storage";
import { encodeTable, keyOfName } from "@millrace/storage/reftable";
import { bench, do_not_optimize, run, summary } from "mitata";
import { openFsStorage } from "../src/index.ts";

const COUNT = 100_000;
const oid = (n: number): string => n.toString(16).padStart(40, "a");
const refs = Array.from({ length: COUNT }, (_, i) => ({
  name: `refs/${i % 5 === 0 ? "tags" : "changes"}/${String(i % 100).padStart(2, "0")}/${i}/1`,
  oid: oid(i),
  peeled: i % 5 === 0 ? oid(i + COUNT) : null,
})).sort((a, b) => compareNames(a.name, b.name));

const root = await mkdtemp(join(tmpdir(), "millrace-bench-"));
const stores: [string, RepositoryStore][] = [];
for (const refFormat of ["files", "reftable"] as const) {
  const store = await openFsStorage({ root, refFormat, fsync: "off" }).create(`${refFormat}.git`);
  const directory = join(root, `${refFormat}.git`);
  let path = join(directory, "packed-refs");
  if (refFormat === "files") await writeFile(path, encodePackedRefs(refs));
  else {
    const records = refs.map((ref) => {
      const { name, peeled } = ref;
      return {
        key: keyOfName(name),
        updateIndex: 2,
        oid: ref.oid,
        peeled: peeled ?? undefined,
        symref: undefined,
      };
    });
    const layout = { format: "sha1", minUpdateIndex: 2, maxUpdateIndex: 2, objectIndex: true } as const;
    path = join(directory, "reftable/0x000000000002-0x000000000002-00000002.ref");
    await writeFile(path, encodeTable(layout, records));
    const list = join(directory, "reftable/tables.list");
    await writeFile(list, `${await readFile(list, "utf8")}0x000000000002-0x000000000002-00000002.ref\n`);
  }
  console.log(`${refFormat}: ${(await stat(path)).size} bytes`);
  stores.push([refFormat, store]);
}
// What is younger is read anew each time, since its times may not tell a change.
await new Promise((resolve) => setTimeout(resolve, 2500));

async function list(store: RepositoryStore, prefixes?: readonly string[]): Promise<number> {
  const view = await store.snapshot();
  let count = 0;
  for await (const batch of view.refBatches({ prefixes }))
    count += "lines" in batch ? batch.count : batch.length;
  return count;
}

for (const [what, work] of [
  ["all refs", (store: RepositoryStore) => list(store)],
  ["a prefix of 800", (store: RepositoryStore) => list(store, ["refs/changes/42/"])],
  ["one ref", async (store: RepositoryStore) => (await store.snapshot()).ref("refs/changes/42/54342/1")],
] as const) {
  summary(() => {
    for (const [name, store] of stores)
      bench(`${what}, ${name}`, async () => do_not_optimize(await work(store)));
  });
}
let round = 0;
summary(() => {
  for (const [name, store] of stores) {
    bench(`a commit of one ref, ${name}`, async () => {
      await store.commit({ refs: [{ name: "refs/heads/moving", new: oid(round++) }] });
    });
    bench(`a deletion of one ref, ${name}`, async () => {
      await store.commit({ refs: [{ name: `refs/changes/01/${1 + 100 * (round++ % 900)}/1`, new: null }] });
    });
  }
});
try {
  await run();
  console.log("tables left:", (await readdir(join(root, "reftable.git/reftable"))).length - 1);
} finally {
  await rm(root, { recursive: true });
}
