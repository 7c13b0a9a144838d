import { type Commit, parseCommit, readCommitLinks } from "@millrace/pack";
import { type BrowseStreams, browse, writeLine } from "./browse.ts";

/** `millrace log`: the newest commits, one a line: id, day, author and subject. */
export function log(address: string, maxCount: number, streams: BrowseStreams): Promise<void> {
  return browse(address, streams, async ({ objects, view, signal }) => {
    if (view.commit === undefined) throw new Error(`${address} names no commit`);
    // Commits alone: a commit reaches its parents' parents in so many steps at most.
    await objects.fetchWithFilter([view.commit], { depth: maxCount, filter: "tree:0", signal });
    const known = new Set([view.commit]);
    const waiting = [view.commit];
    for (let count = 0; count < maxCount && waiting.length > 0; count++) {
      const oid = takeNewest(waiting);
      const commit = parseCommit((await objects.resolve(oid, { signal })).content, objects.format);
      await writeLine(streams.output, `${oid.slice(0, 10)} ${describe(commit)}`);
      for (const parent of commit.parents) {
        if (known.has(parent) || !objects.isHere(parent)) continue;
        known.add(parent);
        waiting.push(parent);
      }
    }

    function takeNewest(from: string[]): string {
      const time = (oid: string): number =>
        readCommitLinks(objects.snapshot().get(oid)?.content ?? new Uint8Array(), objects.format).time;
      let newest = 0;
      for (let at = 1; at < from.length; at++) if (time(from[at]!) > time(from[newest]!)) newest = at;
      return from.splice(newest, 1)[0]!;
    }
  });
}

/** Day in UTC, author and subject. */
function describe({ author = "", message = new Uint8Array() }: Commit): string {
  const [, name = "?", seconds = "0"] = /^(.*?) ?<[^>]*> (\d+)/.exec(author) ?? [];
  const day = new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
  const [subject = ""] = Buffer.from(message)
    .toString()
    .trimStart()
    .split(/\n\s*\n/);
  return `${day} ${Buffer.from(name, "latin1").toString()}: ${subject.trim().replace(/\s*\n\s*/g, " ")}`;
}
