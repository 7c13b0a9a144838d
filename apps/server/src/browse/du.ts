import { type BrowseStreams, browse, writeLine } from "./browse.ts";

/** `millrace du`: bytes of the files in each folder and file of a folder, and of all of it. Files are fetched only where the server tells no sizes. */
export function du(address: string, path: string, streams: BrowseStreams): Promise<void> {
  return browse(address, streams, async ({ objects, view, signal }) => {
    const files: { readonly top: string; readonly oid: string }[] = [];
    const base = path.replace(/^\/+|\/+$/g, "");
    const skipped = base === "" ? 0 : base.length + 1;
    for await (const entries of view.walk(path, { signal })) {
      for (const { path: full, kind, oid } of entries) {
        if (kind === "submodule") continue;
        const [top = "", ...below] = full.slice(skipped).split("/");
        files.push({ top: below.length > 0 ? `${top}/` : top, oid });
      }
    }
    const oids = [...new Set(files.map(({ oid }) => oid))];
    const sizes = new Map(await objects.sizes(oids, { signal }));
    const untold = oids.filter((oid) => !sizes.has(oid));
    await objects.prefetch(untold, { signal });
    for (const oid of untold) sizes.set(oid, objects.snapshot().objectSize(oid));
    const sums = new Map<string, number>();
    let total = 0;
    for (const { top, oid } of files) {
      const size = sizes.get(oid) ?? 0;
      sums.set(top, (sums.get(top) ?? 0) + size);
      total += size;
    }
    for (const [name, size] of sums) await writeLine(streams.output, `${size}\t${name}`);
    await writeLine(streams.output, `${total}\t.`);
  });
}
