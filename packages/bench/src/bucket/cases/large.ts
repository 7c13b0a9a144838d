import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeRandomPack } from "../../repositories/random-pack.ts";
import { requestPack } from "../../wire/fetch.ts";
import { pushPack } from "../../wire/push.ts";
import type { BucketCase } from "../bucket-case.ts";

const MIB = 1024 * 1024;

/** A gigabyte of random blobs, pushed and cloned: neither the server's memory nor its disk may grow with it. */
export const largeCase: BucketCase = {
  name: "large",
  async *rows(lab) {
    const mebibytes = lab.isQuick ? 32 : 1024;
    const pushed = await writeRandomPack(join(await lab.folder("large"), "random.pack"), mebibytes);
    const cacheFolder = await lab.folder("cache");
    const bound = { peakMebibytes: 300 };
    const title = `${mebibytes} MiB of random blobs, no delay`;
    const server = await lab.serve({ cacheFolder });
    lab.proxy.latencyMs = 0;
    const pushing = await lab.watch(() => pushPack(server.port, "large.git", pushed));
    yield {
      case: title,
      variant: "push",
      ...pushing,
      peakMebibytes: (await server.peakMemoryBytes()) / MIB,
      bound,
    };
    await server.stop();
    await using second = await lab.serve({ cacheFolder: await lab.folder("cache") });
    lab.proxy.latencyMs = 0;
    const [ref] = pushed.refs;
    const cloning = await lab.watch(() =>
      requestPack(second.port, "large.git", { wants: [ref?.oid ?? ""] }, false),
    );
    yield {
      case: title,
      variant: "clone, cold",
      ...cloning,
      peakMebibytes: (await second.peakMemoryBytes()) / MIB,
      bound,
    };
    const left = await bytesIn(join(cacheFolder, "spool"));
    if (left > 0) throw new Error(`${left} bytes are left in the spool`);
  },
};

async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
