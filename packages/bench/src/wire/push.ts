import { createReadStream } from "node:fs";
import { band, packets } from "./packets.ts";
import { rawRequest } from "./raw-request.ts";

const ZERO = "0".repeat(40);
const CHUNK_BYTES = 64 * 1024;

/** A ref and what it points to. */
export interface Ref {
  readonly name: string;
  readonly oid: string;
}

/** A stored pack and the refs that are to point into it. */
export interface PushedPack {
  readonly refs: readonly Ref[];
  readonly packPath: string;
}

/** Creates refs in an empty repository with one push of a stored pack. Answers how long it took, in seconds. */
export async function pushPack(
  port: number,
  repository: string,
  { refs, packPath }: PushedPack,
): Promise<number> {
  const advertised = await rawRequest(port, { path: `/${repository}/info/refs?service=git-receive-pack` });
  const commands = packets(
    ...refs.map(({ name, oid }, i) =>
      i === 0
        ? `${ZERO} ${oid} ${name}\0 report-status side-band-64k ofs-delta object-format=sha1 agent=bench`
        : `${ZERO} ${oid} ${name}`,
    ),
    "0000",
  );
  const answer = await rawRequest(port, {
    path: `/${repository}/git-receive-pack`,
    headers: { "Content-Type": "application/x-git-receive-pack-request" },
    body: pushBody(commands, packPath),
    keep: true,
  });
  const report = answer.status === 200 ? band(answer.body, 1).toString() : answer.body.toString();
  if (!report.includes("unpack ok\n") || /^....ng /m.test(report)) {
    throw new Error(`${repository}: push refused: ${report}${String(band(answer.body, 2))}`);
  }
  return advertised.wallSeconds + answer.wallSeconds;
}

async function* pushBody(commands: Buffer, packPath: string): AsyncGenerator<Uint8Array> {
  yield commands;
  yield* createReadStream(packPath, { highWaterMark: CHUNK_BYTES });
}
