import { join } from "node:path";
import { writeRandomPack } from "../../../repositories/random-pack.ts";
import { lsRefs } from "../../../wire/fetch.ts";
import { pushPack } from "../../../wire/push.ts";
import type { BucketLab } from "../../bucket-lab.ts";
import type { Row } from "../../row.ts";
import { queryOf, variantOf } from "./options.ts";

const NAME = "refs.git";

/** A cold listing of refs that are objects of their own, so many of them read at once. */
export async function* tuneRefs(lab: BucketLab): AsyncGenerator<Row> {
  const count = lab.isQuick ? 20 : 250;
  const pushed = await writeRandomPack(join(await lab.folder("refs"), "random.pack"), 1);
  const [main] = pushed.refs;
  {
    await using server = await lab.serve({ query: queryOf({ layout: "bare" }) });
    lab.proxy.latencyMs = 0;
    // What comes with the repository lies in one file, what comes later in an object for each ref.
    await pushPack(server.port, NAME, pushed);
    const refs = Array.from({ length: count }, (_, i) => ({ name: `refs/tags/t${i}`, oid: main?.oid ?? "" }));
    await pushPack(server.port, NAME, { ...pushed, refs });
  }
  for (const listRefsConcurrency of lab.isQuick ? [32] : [32, 1, 8, 64, 128]) {
    const query = queryOf({ layout: "bare", listRefsConcurrency, listRefsTimeoutMs: 120_000 });
    await using server = await lab.serve({ query });
    const listed = await lab.watch(() => lsRefs(server.port, NAME));
    const title = `cold listing of ${count} refs, layout bare`;
    yield { case: title, variant: variantOf({ listRefsConcurrency }), ...listed };
  }
}
