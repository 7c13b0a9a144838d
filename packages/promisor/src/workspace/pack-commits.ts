import { emptyTreeOid, type LooseSource, type Oid, parseCommit, writePack } from "@millrace/pack";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import { diffTrees } from "./diff-trees.ts";

const MODE_SUBMODULE = 0o160000;

/**
 * A pack of a commit and those behind it down to what a server is known to have, each with what it changed.
 * The iteration throws as `SharedPromisor.resolve` and `writePack` do.
 */
export async function* packCommits(
  objects: SharedPromisor,
  tip: Oid,
  known: ReadonlySet<Oid>,
  options: ResolveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const wanted = new Set<Oid>();
  const waiting = [tip];
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    if (known.has(oid) || wanted.has(oid)) continue;
    wanted.add(oid);
    const commit = parseCommit((await objects.resolve(oid, options)).content, objects.format);
    const [first] = commit.parents;
    const base =
      first === undefined
        ? emptyTreeOid(objects.format)
        : parseCommit((await objects.resolve(first, options)).content, objects.format).tree;
    const noteTree = (tree: Oid): unknown => wanted.add(tree);
    for await (const { after } of diffTrees(objects, base, commit.tree, options, noteTree)) {
      if (after !== undefined && after.mode !== MODE_SUBMODULE) wanted.add(after.oid);
    }
    waiting.push(...commit.parents);
  }
  const loose: LooseSource[] = [];
  for (const oid of wanted) {
    // What was written here is here; all else that was moved about is the server's.
    if (!objects.isHere(oid)) continue;
    const { type, content } = await objects.resolve(oid, options);
    loose.push({ oid, type, sizeBytes: content.length, stream: () => once(content) });
  }
  yield* writePack({ format: objects.format, packs: [], loose, ofsDelta: true, signal: options.signal });
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
