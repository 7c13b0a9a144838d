import type { Entry } from "@millrace/promisor";
import { type BrowseStreams, type Browsed, browse, writeLine } from "./browse.ts";

/** How `millrace ls` lists. */
export interface LsFlags {
  /** Mode, id and size too. */
  readonly long?: boolean | undefined;
  /** All files below. */
  readonly recursive?: boolean | undefined;
}

type Listed = Pick<Entry, "kind" | "mode" | "oid"> & { readonly path: string };

/** `millrace ls`: the entries of a folder, folders with a slash. */
export function ls(address: string, path: string, flags: LsFlags, streams: BrowseStreams): Promise<void> {
  return browse(address, streams, async (browsed) => {
    for await (const entries of listed(browsed, path, flags)) {
      for (const entry of entries) {
        const name = entry.kind === "tree" ? `${entry.path}/` : entry.path;
        const details = flags.long === true ? `${await detailsOf(browsed, entry)} ` : "";
        await writeLine(streams.output, details + name);
      }
    }
  });
}

async function* listed(
  { view, signal }: Browsed,
  path: string,
  flags: LsFlags,
): AsyncGenerator<readonly Listed[]> {
  if (flags.recursive === true) {
    yield* view.walk(path, { signal });
    return;
  }
  const { kind, mode, oid } =
    path === "" ? { kind: "tree", mode: 0, oid: "" } : await view.stat(path, { signal });
  if (kind === "tree")
    yield (await view.list(path, { signal })).map((entry) => ({ ...entry, path: entry.name }));
  else yield [{ kind: kind as Listed["kind"], mode, oid, path }];
}

async function detailsOf({ objects, signal }: Browsed, { kind, mode, oid }: Listed): Promise<string> {
  const hasSize = kind !== "tree" && kind !== "submodule";
  const size = hasSize ? (await objects.sizes([oid], { signal })).get(oid) : undefined;
  return `${mode.toString(8).padStart(6, "0")} ${oid} ${String(size ?? "-").padStart(9)}`;
}
