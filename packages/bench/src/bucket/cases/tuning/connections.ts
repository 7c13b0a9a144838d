import { join } from "node:path";
import { writeRandomPack } from "../../../repositories/random-pack.ts";
import { requestPack } from "../../../wire/fetch.ts";
import { pushPack } from "../../../wire/push.ts";
import type { BucketLab } from "../../bucket-lab.ts";
import type { Row } from "../../row.ts";
import { queryOf, variantOf } from "./options.ts";

const MIB = 1024 * 1024;

/** Cold clones at once, each of a repository of its own, over pools of different sizes. */
export async function* tuneConnections(lab: BucketLab): AsyncGenerator<Row> {
  const clones = lab.isQuick ? 2 : 8;
  const mebibytes = lab.isQuick ? 5 : 32;
  const pushed = await writeRandomPack(join(await lab.folder("pool"), "random.pack"), mebibytes);
  const wants = pushed.refs.map(({ oid }) => oid);
  const names = Array.from({ length: clones }, (_, i) => `pool-${i}.git`);
  {
    await using server = await lab.serve();
    lab.proxy.latencyMs = 0;
    for (const name of names) await pushPack(server.port, name, pushed);
  }
  for (const maxConnections of lab.isQuick ? [64] : [64, 16, 4, 1]) {
    const options = { maxConnections };
    await using server = await lab.serve({ query: queryOf(options) });
    const cloned = await lab.watch(() =>
      Promise.all(names.map((name) => requestPack(server.port, name, { wants }, false))),
    );
    const peakMebibytes = (await server.peakMemoryBytes()) / MIB;
    const title = `${clones} cold clones of ${mebibytes} MiB at once`;
    yield { case: title, variant: variantOf(options), ...cloned, peakMebibytes };
  }
}
