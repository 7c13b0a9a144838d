import { createHash } from "node:crypto";
import { band, packets } from "./packets.ts";
import { type RawAnswer, rawRequest } from "./raw-request.ts";

const V2 = { "Git-Protocol": "version=2" };
const FETCH_TYPE = { "Content-Type": "application/x-git-upload-pack-request" };

/** What a client asks for, protocol version 2 (gitprotocol-v2, fetch). */
export interface FetchRequest {
  readonly wants: readonly string[];
  readonly haves?: readonly string[] | undefined;
  /** Further lines: `filter …`, `deepen …`. */
  readonly lines?: readonly string[] | undefined;
}

/** How a fetch went from its first request to the last byte. */
export interface FetchRun {
  readonly wallSeconds: number;
  /** From sending the last request to the first bytes of the pack. */
  readonly packSeconds: number;
  readonly bodyBytes: number;
}

/** Asks for the capabilities, the refs, and a pack, as git does, and drains the answers. */
export async function fetchPack(port: number, repository: string, request: FetchRequest): Promise<FetchRun> {
  const capabilities = await rawRequest(port, {
    path: `/${repository}/info/refs?service=git-upload-pack`,
    headers: V2,
  });
  const refs = await lsRefs(port, repository, ["HEAD", "refs/heads/", "refs/tags/"]);
  const answer = await requestPack(port, repository, request, false);
  if (answer.packSeconds === undefined) throw new Error(`${repository}: an answer without a pack`);
  return {
    wallSeconds: capabilities.wallSeconds + refs.wallSeconds + answer.wallSeconds,
    packSeconds: answer.packSeconds,
    bodyBytes: answer.bodyBytes,
  };
}

/** A list of refs by version 2, with peeled tags and symrefs. */
export async function lsRefs(
  port: number,
  repository: string,
  prefixes: readonly string[] = [],
  keep = false,
): Promise<RawAnswer> {
  const answer = await rawRequest(port, {
    path: `/${repository}/git-upload-pack`,
    headers: { ...V2, ...FETCH_TYPE },
    keep,
    body: packets(
      "command=ls-refs\n",
      "object-format=sha1",
      "0001",
      "peel\n",
      "symrefs\n",
      ...prefixes.map((prefix) => `ref-prefix ${prefix}\n`),
      "0000",
    ),
  });
  if (answer.status !== 200) throw new Error(`${repository}: ls-refs answered ${answer.status}`);
  return answer;
}

/** Asks for a pack and drains it. */
export async function requestPack(
  port: number,
  repository: string,
  { wants, haves = [], lines = [] }: FetchRequest,
  keep: boolean,
): Promise<RawAnswer> {
  const answer = await rawRequest(port, {
    path: `/${repository}/git-upload-pack`,
    headers: { ...V2, ...FETCH_TYPE },
    keep,
    body: packets(
      "command=fetch",
      "object-format=sha1",
      "0001",
      "thin-pack",
      "no-progress",
      "include-tag",
      "ofs-delta",
      ...lines,
      ...wants.map((oid) => `want ${oid}\n`),
      ...haves.map((oid) => `have ${oid}\n`),
      "done\n",
      "0000",
    ),
  });
  if (answer.status !== 200) throw new Error(`${repository}: fetch answered ${answer.status}`);
  return answer;
}

/** Fetches once and answers the pack, which must be whole. */
export async function fetchedPack(port: number, repository: string, request: FetchRequest): Promise<Buffer> {
  const { body } = await requestPack(port, repository, request, true);
  const pack = band(body, 1);
  const trailer = pack.subarray(-20);
  const sum = createHash("sha1").update(pack.subarray(0, -20)).digest();
  if (pack.toString("latin1", 0, 4) !== "PACK" || !sum.equals(trailer)) {
    throw new Error(`${repository}: the pack is not whole: ${body.subarray(0, 200).toString("latin1")}`);
  }
  return pack;
}

/** How many objects a pack holds. */
export function objectsIn(pack: Buffer): number {
  return pack.readUInt32BE(8);
}
