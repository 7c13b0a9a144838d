import { join } from "node:path";
import { writeRandomPack } from "../../../repositories/random-pack.ts";
import { requestPack } from "../../../wire/fetch.ts";
import { pushPack } from "../../../wire/push.ts";
import type { BucketLab } from "../../bucket-lab.ts";
import type { Row } from "../../row.ts";
import { type Options, queryOf, variantOf } from "./options.ts";

const MIB = 1024 * 1024;
const NAME = "stalled.git";
/** For one request that is never answered: until the clone is done all the same. */
const once: readonly Options[] = [
  { attemptTimeoutMs: 30_000 },
  { attemptTimeoutMs: 10_000 },
  { attemptTimeoutMs: 2000 },
];
/** For a file that is never sent: until the clone is told that it fails. */
const always: readonly Options[] = [
  { attemptTimeoutMs: 30_000, requestTimeoutMs: 90_000 },
  { attemptTimeoutMs: 10_000, requestTimeoutMs: 20_000 },
  { attemptTimeoutMs: 2000, requestTimeoutMs: 90_000 },
];

/** A cold clone where requests stall. */
export async function* tuneTimeouts(lab: BucketLab): AsyncGenerator<Row> {
  const mebibytes = lab.isQuick ? 5 : 32;
  const pushed = await writeRandomPack(join(await lab.folder("stalled"), "random.pack"), mebibytes);
  const wants = pushed.refs.map(({ oid }) => oid);
  {
    await using server = await lab.serve();
    lab.proxy.latencyMs = 0;
    await pushPack(server.port, NAME, pushed);
  }
  for (const [stalls, title, variants] of [
    [1, "cold clone, one request is never answered", once],
    [Number.POSITIVE_INFINITY, "cold clone, its pack is never sent: until it fails", always],
  ] as const) {
    for (const options of lab.isQuick ? variants.slice(-1) : variants) {
      await using server = await lab.serve({
        query: queryOf(lab.isQuick ? { ...options, maxAttempts: 2 } : options),
      });
      let stalled = 0;
      lab.proxy.plan = ({ method, path }) =>
        method === "GET" && path.includes(".pack") && stalled++ < stalls ? { kind: "silence" } : undefined;
      let bodyBytes = 0;
      const { seconds } = await lab.watch(async () => {
        bodyBytes = (await requestPack(server.port, NAME, { wants }, true)).body.length;
      });
      lab.proxy.plan = undefined;
      const isWhole = bodyBytes > mebibytes * MIB;
      if (stalled === 0 || isWhole !== (stalls === 1)) throw new Error(`${title}: it did not come to that`);
      yield { case: title, variant: variantOf(options), seconds };
    }
  }
}
