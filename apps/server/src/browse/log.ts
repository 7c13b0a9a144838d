import type { Commit } from "@millrace/pack";
import { type BrowseStreams, browse, writeLine } from "./browse.ts";

/** `millrace log`: the newest commits, those that changed a path if one is given, one a line: id, day, author and subject. */
export function log(address: string, path: string, maxCount: number, streams: BrowseStreams): Promise<void> {
  return browse(address, streams, async ({ view, signal }) => {
    if (view.commit === undefined) throw new Error(`${address} names no commit`);
    for await (const { oid, commit } of view.log({ path, maxCount, signal })) {
      await writeLine(streams.output, `${oid.slice(0, 10)} ${describe(commit)}`);
    }
  });
}

/** Day in UTC, author and subject. */
function describe({ author = "", message = new Uint8Array() }: Commit): string {
  const [, name = "?", seconds = "0"] = /^(.*?) ?<[^>]*> (\d+)/.exec(author) ?? [];
  // A commit may claim any time, also one that is none.
  const time = new Date(Number(seconds) * 1000);
  const day = Number.isNaN(time.getTime()) ? "????-??-??" : time.toISOString().slice(0, 10);
  const [subject = ""] = Buffer.from(message)
    .toString()
    .trimStart()
    .split(/\n\s*\n/);
  return `${day} ${Buffer.from(name, "latin1").toString()}: ${subject.trim().replace(/\s*\n\s*/g, " ")}`;
}
