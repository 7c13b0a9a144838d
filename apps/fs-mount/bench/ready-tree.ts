import { compareTreeEntries, encodeTree, hashObject, type Oid, oidFromBytes } from "@millrace/pack";
import { BaseView } from "../src/view/base-view.ts";
import type { TreeContent, ViewNode, ViewSource } from "../src/view/view.ts";
import { numberedBlob, oidOf } from "../test/support/fake-source.ts";

const DIRECTORIES = 16;
const FILES = 256;

/** The trees of 4,096 files in 16 directories, each file like no other, with all sizes. */
interface Trees {
  readonly root: Oid;
  readonly trees: ReadonlyMap<Oid, TreeContent>;
}

/** Makes them; nothing of it is measured. */
export function makeTrees(): Trees {
  const trees = new Map<Oid, TreeContent>();
  const put = (entries: readonly { name: Buffer; mode: number; oid: Oid }[], sizeBytes: number): Oid => {
    const content = encodeTree(entries.toSorted(compareTreeEntries), "sha1");
    const oid = oidFromBytes(hashObject("sha1", "tree", content), 0, "sha1");
    trees.set(oid, { content, sizes: new Float64Array(entries.length).fill(sizeBytes) });
    return oid;
  };
  const named = (name: string, mode: number, oid: Oid) => ({ name: Buffer.from(name), mode, oid });
  const directories = Array.from({ length: DIRECTORIES }, (_, at) => {
    const files = Array.from({ length: FILES }, (_file, n) =>
      named(`file-${n}.ts`, 0o100644, oidOf(numberedBlob(at * FILES + n))),
    );
    return named(`directory-${at}`, 0o040000, put(files, numberedBlob(0).length));
  });
  return { root: put(directories, Number.NaN), trees };
}

/**
 * From the trees' objects to a view that has listed all directories, and to the size of a file in it.
 * Throws where an entry is missing.
 */
export async function listAll({ root, trees }: Trees): Promise<void> {
  const none = (): never => {
    throw new Error("nothing of this needs a file");
  };
  const source: ViewSource = {
    tree: (oid) => trees.get(oid) ?? none(),
    blobs: { open: none, sizeOf: none, prefetch: none },
  };
  const view = new BaseView({ source, format: "sha1", tree: root, mtimeSeconds: 1_700_000_000 });
  let listed = 0;
  let last: ViewNode | undefined;
  for (const { name } of await view.list(view.root)) {
    const directory = await view.lookup(view.root, name);
    const entries = await view.list(directory ?? none());
    listed += entries.length + 1;
    last = view.child(directory ?? none(), entries.at(-1) ?? none());
  }
  const sizeBytes = await view.size(last ?? none());
  if (listed !== DIRECTORIES * (FILES + 1) || sizeBytes !== numberedBlob(0).length) none();
}
