import { type BrowseStreams, browse, writeLine } from "./browse.ts";

/** `millrace du`: bytes of the files in each folder and file of a folder, and of all of it. Files are fetched only where the server tells no sizes. */
export function du(address: string, path: string, streams: BrowseStreams): Promise<void> {
  return browse(address, streams, async ({ objects, remote, view, signal }) => {
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
    const features = (await remote.capabilities({ signal })).features("object-info");
    const told = features === undefined ? undefined : await remote.objectSizes(oids, { signal });
    if (told === undefined) await objects.prefetch(oids, { signal });
    const sizes = new Map<string, number>();
    let total = 0;
    for (const { top, oid } of files) {
      const size = told?.get(oid) ?? objects.snapshot().objectSize(oid);
      sizes.set(top, (sizes.get(top) ?? 0) + size);
      total += size;
    }
    for (const [name, size] of sizes) await writeLine(streams.output, `${size}\t${name}`);
    await writeLine(streams.output, `${total}\t.`);
  });
}
