import { type BrowseStreams, browse, write } from "./browse.ts";

/** `millrace cat`: a file's bytes. */
export function cat(address: string, path: string, streams: BrowseStreams): Promise<void> {
  return browse(address, streams, async ({ view, signal }) => {
    for await (const piece of view.streamFile(path, { signal })) await write(streams.output, piece);
  });
}
