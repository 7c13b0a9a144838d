import { join } from "node:path";
import { writeRandomPack } from "../../../repositories/random-pack.ts";
import { requestPack } from "../../../wire/fetch.ts";
import { pushPack } from "../../../wire/push.ts";
import type { BucketLab, ServeOptions } from "../../bucket-lab.ts";
import type { Row } from "../../row.ts";
import { type Options, queryOf, variantOf } from "./options.ts";

const MIB = 1024 * 1024;
const NAME = "cached.git";

/** The second clone of a repository, by the server that has read it and by one that shares a folder with that. */
export async function* tuneCaches(lab: BucketLab): AsyncGenerator<Row> {
  const mebibytes = lab.isQuick ? 5 : 48;
  const pushed = await writeRandomPack(join(await lab.folder("cached"), "random.pack"), mebibytes);
  const wants = pushed.refs.map(({ oid }) => oid);
  {
    await using server = await lab.serve();
    lab.proxy.latencyMs = 0;
    await pushPack(server.port, NAME, pushed);
  }
  const title = `clone of ${mebibytes} MiB`;
  /** Clones so often and tells of the last one. */
  const clone = async (variant: string, times: number, options: ServeOptions): Promise<Row> => {
    await using server = await lab.serve(options);
    const again = (): Promise<unknown> => requestPack(server.port, NAME, { wants }, false);
    for (let i = 1; i < times; i++) await again();
    const asked = await lab.watch(again);
    return { case: title, variant, ...asked, peakMebibytes: (await server.peakMemoryBytes()) / MIB };
  };

  for (const memoryCacheBytes of lab.isQuick ? [64 * MIB] : [64 * MIB, 256 * MIB, 16 * MIB, 0]) {
    const options: Options = { memoryCacheBytes };
    yield await clone(`warm, ${variantOf(options)}`, 2, { query: queryOf(options) });
  }
  const small = { memoryCacheBytes: 0 };
  for (const [kind, options] of [
    ["a cache folder", small],
    ["a cache folder that is too small", { ...small, cacheFolderBytes: 16 * MIB }],
  ] as const) {
    const serving = { cacheFolder: await lab.folder("cache"), query: queryOf(options) };
    yield await clone(`cold, ${kind} to be filled, ${variantOf(options)}`, 1, serving);
    yield await clone(`by the next process, ${kind}, ${variantOf(options)}`, 1, serving);
    if (lab.isQuick) return;
  }
}
