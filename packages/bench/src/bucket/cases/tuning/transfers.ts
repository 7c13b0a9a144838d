import { join } from "node:path";
import { writeRandomPack } from "../../../repositories/random-pack.ts";
import { requestPack } from "../../../wire/fetch.ts";
import { pushPack } from "../../../wire/push.ts";
import type { BucketLab } from "../../bucket-lab.ts";
import type { Row } from "../../row.ts";
import { type Options, queryOf, variantOf } from "./options.ts";

const MIB = 1024 * 1024;

/** What each option does to a push and to a cold clone of large blobs; the first of each kind is the default. */
const uploads: readonly Options[] = [
  { partBytes: 8 * MIB, uploadConcurrency: 4 },
  { partBytes: 8 * MIB, uploadConcurrency: 1 },
  { partBytes: 8 * MIB, uploadConcurrency: 8 },
  { partBytes: 32 * MIB, uploadConcurrency: 4 },
];
const downloads: readonly Options[] = [
  { rangeBytes: 4 * MIB, readAhead: 4 },
  { rangeBytes: 4 * MIB, readAhead: 0 },
  { rangeBytes: MIB, readAhead: 4 },
  { rangeBytes: MIB, readAhead: 16 },
  { rangeBytes: 8 * MIB, readAhead: 4 },
  { rangeBytes: 4 * MIB, readAhead: 12 },
];

/** A push and a cold clone with different sizes of what travels at once. */
export async function* tuneTransfers(lab: BucketLab): AsyncGenerator<Row> {
  const mebibytes = lab.isQuick ? 16 : 256;
  const pushed = await writeRandomPack(join(await lab.folder("tuning"), "random.pack"), mebibytes);
  for (const [index, options] of (lab.isQuick ? uploads.slice(0, 1) : uploads).entries()) {
    await using server = await lab.serve({ query: queryOf(options) });
    const push = await lab.watch(() => pushPack(server.port, `tuned-${index}.git`, pushed));
    const peakMebibytes = (await server.peakMemoryBytes()) / MIB;
    yield { case: `push of ${mebibytes} MiB`, variant: variantOf(options), ...push, peakMebibytes };
  }
  const wants = pushed.refs.map(({ oid }) => oid);
  for (const options of lab.isQuick ? downloads.slice(0, 1) : downloads) {
    await using server = await lab.serve({ query: queryOf(options) });
    const clone = await lab.watch(() => requestPack(server.port, "tuned-0.git", { wants }, false));
    const peakMebibytes = (await server.peakMemoryBytes()) / MIB;
    yield { case: `cold clone of ${mebibytes} MiB`, variant: variantOf(options), ...clone, peakMebibytes };
  }
}
