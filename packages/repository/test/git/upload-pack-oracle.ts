import { runSync } from "@millrace/git-lab";
import { indexPack } from "@millrace/pack";
import { createMemoryStorage } from "@millrace/storage";
import { type GitRepository, gitEnvironment } from "./real-git.ts";

/** Arguments of a version 2 fetch, as its lines have them. */
export interface OracleRequest {
  readonly wants: readonly string[];
  readonly haves?: readonly string[] | undefined;
  readonly shallow?: readonly string[] | undefined;
  /** Other lines, such as `deepen 2`. */
  readonly lines?: readonly string[] | undefined;
}

export interface OracleAnswer {
  readonly shallow: string[];
  readonly unshallow: string[];
  readonly pack: Buffer;
  /** What git says where it gives up. */
  readonly error: string | undefined;
}

/** Packs without deltas, so that they can be read alone, and with nothing in them but what is needed. */
const CONFIG = [
  "uploadpack.allowFilter=true",
  "uploadpack.allowAnySHA1InWant=true",
  "pack.window=0",
  "pack.depth=0",
  "pack.useSparse=false",
];

/** Asks the real `git upload-pack`, in one request that is done. */
export function askUploadPack(source: GitRepository, request: OracleRequest): OracleAnswer {
  const lines = [
    "no-progress",
    "thin-pack",
    "ofs-delta",
    ...request.wants.map((oid) => `want ${oid}`),
    ...(request.shallow ?? []).map((oid) => `shallow ${oid}`),
    ...(request.lines ?? []),
    ...(request.haves ?? []).map((oid) => `have ${oid}`),
    "done",
  ];
  const input = `${packet("command=fetch")}0001${lines.map(packet).join("")}0000`;
  const { stdout, stderr } = runSync(
    "git",
    [...CONFIG.flatMap((setting) => ["-c", setting]), "upload-pack", "--stateless-rpc", source.path],
    { env: { ...gitEnvironment, GIT_PROTOCOL: "version=2" }, input },
  );
  return { ...parseAnswer(stdout), error: /fatal: (.*)/.exec(stderr.toString())?.[1] };
}

function packet(line: string): string {
  return `${(line.length + 5).toString(16).padStart(4, "0")}${line}\n`;
}

function parseAnswer(bytes: Buffer): { shallow: string[]; unshallow: string[]; pack: Buffer } {
  const shallow: string[] = [];
  const unshallow: string[] = [];
  const pieces: Buffer[] = [];
  let isPack = false;
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = Number.parseInt(bytes.toString("latin1", at, at + 4), 16);
    const payload = bytes.subarray(at + 4, at + Math.max(length, 4));
    at += Math.max(length, 4);
    const text = payload.toString("latin1").trim();
    if (isPack) {
      if (payload[0] === 1) pieces.push(payload.subarray(1));
    } else if (text === "packfile") isPack = true;
    else if (text.startsWith("shallow ")) shallow.push(text.slice(8));
    else if (text.startsWith("unshallow ")) unshallow.push(text.slice(10));
  }
  // A commit that is wanted as itself and through a tag is told twice.
  return { shallow: [...new Set(shallow)], unshallow, pack: Buffer.concat(pieces) };
}

/** The objects of a self-contained pack, sorted. */
export async function objectsOf(pack: Uint8Array): Promise<string[]> {
  const storage = createMemoryStorage();
  const store = await storage.create("pack.git");
  const stage = await store.stage();
  const indexed = await indexPack([pack], { format: "sha1", sink: stage });
  const oids = Array.from({ length: indexed.index.count }, (_, position) => indexed.index.oidAt(position));
  await stage.discard();
  return oids.toSorted();
}
