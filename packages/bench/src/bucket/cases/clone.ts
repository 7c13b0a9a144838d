import { join } from "node:path";
import { generateRepository, historyShape } from "../../repositories/generate.ts";
import { writeRandomPack } from "../../repositories/random-pack.ts";
import { lsRefs, requestPack } from "../../wire/fetch.ts";
import { type PushedPack, pushPack } from "../../wire/push.ts";
import { rawRequest } from "../../wire/raw-request.ts";
import type { BucketCase } from "../bucket-case.ts";
import type { BucketLab } from "../bucket-lab.ts";
import type { Row } from "../row.ts";

/** A clone of everything: a history, and a pack of large blobs; by a server just started, and by one that has read it. */
export const cloneCase: BucketCase = {
  name: "clone",
  async *rows(lab) {
    const folder = await lab.folder("clone");
    const shape = lab.isQuick ? { objects: 1000, largeBlobs: 0 } : historyShape("small");
    const history = await generateRepository(join(folder, "history.git"), "history", shape);
    const refs = history.refs.filter(({ oid }) => oid === history.tip).slice(0, 1);
    yield* clones(lab, "history.git", `${shape.objects.toLocaleString("en")} objects`, {
      packPath: history.packPath,
      refs: refs.length > 0 ? refs : history.refs.slice(0, 1),
    });
    const mebibytes = lab.isQuick ? 6 : 64;
    const random = await writeRandomPack(join(folder, "random.pack"), mebibytes);
    yield* clones(lab, "random.git", `${mebibytes} MiB of large blobs`, random);
  },
};

async function* clones(lab: BucketLab, name: string, title: string, pushed: PushedPack): AsyncGenerator<Row> {
  {
    await using first = await lab.serve();
    lab.proxy.latencyMs = 0;
    await pushPack(first.port, name, pushed);
  }
  const wants = [...new Set(pushed.refs.map(({ oid }) => oid))];
  await using server = await lab.serve();
  for (const variant of ["cold", "warm"]) {
    const startedAt = performance.now();
    const capabilities = await lab.watch(() =>
      rawRequest(server.port, {
        path: `/${name}/info/refs?service=git-upload-pack`,
        headers: { "Git-Protocol": "version=2" },
      }),
    );
    const listed = await lab.watch(() => lsRefs(server.port, name, ["HEAD", "refs/heads/", "refs/tags/"]));
    const askedAt = performance.now();
    let firstByteSeconds = 0;
    const packed = await lab.watch(async () => {
      const { packSeconds } = await requestPack(server.port, name, { wants }, false);
      firstByteSeconds = (askedAt - startedAt) / 1000 + (packSeconds ?? Number.POSITIVE_INFINITY);
    });
    const requests = capabilities.requests + listed.requests + packed.requests;
    const seconds = capabilities.seconds + listed.seconds + packed.seconds;
    const bound = variant === "cold" ? { firstByteSeconds: 0.6 } : undefined;
    yield { case: `clone, ${title}`, variant, seconds, firstByteSeconds, requests, bound };
  }
}
