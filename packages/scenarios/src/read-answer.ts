import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { Fixtures } from "./fixtures.ts";
import { type ReadPacket, bandOf, readPackets } from "./packets.ts";
import { runGit } from "./run-git.ts";

/** An answer to a fetch, without what may differ between two servers. */
export interface FetchAnswer {
  /** What killed the service. */
  readonly error: string | undefined;
  /** Packets outside of pack and progress, agent and session id left out. */
  readonly lines: readonly string[];
  /** Ids in the pack, in order; `undefined` where there is none. */
  readonly objects: readonly string[] | undefined;
  /** Whether the pack is whole without what the client has. */
  readonly isThin: boolean;
}

/** Takes an answer apart. `reader` is a repository that has every object a thin pack may lean on. */
export function readFetchAnswer(bytes: Buffer, error: string | undefined, reader: string): FetchAnswer {
  const { found, rest } = readPackets(bytes);
  const from = found.findIndex((each) => startsPack(bandOf(each, 1)));
  const before = from < 0 ? found : [...found.slice(0, from), ...found.slice(from).filter(isSpecial)];
  const banded = Buffer.concat(from < 0 ? [] : found.slice(from).flatMap((each) => bandOf(each, 1) ?? []));
  const pack = rest.length > 0 ? rest : banded;
  const lines = before.filter((each) => bandOf(each, 2) === undefined && !isKeepAlive(each)).map(plainText);
  const last = error === undefined ? undefined : errorOf(lines.at(-1));
  if (last !== undefined) lines.pop();
  // git begins the section before it looks at what is to be in it.
  if (error !== undefined && lines.at(-1) === "shallow-info\n") lines.pop();
  return {
    error: last ?? error,
    lines: inAnyOrder(lines),
    ...(pack.length === 0 ? { objects: undefined, isThin: false } : listPack(pack, reader)),
  };
}

/** The text of an error that went to the client; git writes most of its errors to its own error output. */
export function errorOf(line: string | undefined): string | undefined {
  // oxlint-disable-next-line no-control-regex
  return /^(?:ERR |\u0003)([^\0\n]*)[\0\n]?$/.exec(line ?? "")?.[1];
}

/** Roots are a set: one server finds them in another order than the other. */
function inAnyOrder(lines: readonly string[]): string[] {
  // oxlint-disable-next-line no-control-regex
  const isRoot = (line = ""): boolean => /^\u0001?(?:un)?shallow [0-9a-f]/.test(line);
  const from = lines.findIndex(isRoot);
  if (from < 0) return [...lines];
  let to = from;
  while (isRoot(lines[to])) to++;
  return [...lines.slice(0, from), ...lines.slice(from, to).toSorted(), ...lines.slice(to)];
}

/** A packet's text without agent and session id. */
export function plainText(packet: ReadPacket): string {
  const text = packet.toString();
  return text.startsWith("ERR ") ? text : text.replace(/(agent|session-id)=[^\s\0]+/g, "$1");
}

/** git may send the first bytes of a pack alone. */
function startsPack(data: Buffer | undefined): boolean {
  const start = data?.subarray(0, 4).toString("latin1");
  return start !== undefined && start !== "" && "PACK".startsWith(start);
}

function isSpecial(packet: ReadPacket): boolean {
  return typeof packet === "string";
}

function isKeepAlive(packet: ReadPacket): boolean {
  return bandOf(packet, 1)?.length === 0;
}

const listed = new Map<string, { objects: string[]; isThin: boolean }>();

/** Has git index a pack, and lists what came in it: bases that completed it stand behind. */
function listPack(pack: Buffer, reader: string): { objects: string[]; isThin: boolean } {
  const key = createHash("sha256").update(pack).digest("hex");
  const known = listed.get(key);
  if (known !== undefined) return known;
  const indexed = runGit(reader, ["index-pack", "--stdin", "--fix-thin"], pack);
  if (indexed.status !== 0) throw new Error(`a pack that git refuses: ${indexed.stderr}`);
  const [, id = ""] = /^pack\t([0-9a-f]+)/m.exec(indexed.stdout.toString()) ?? [];
  const shown = runGit(reader, ["verify-pack", "-v", `objects/pack/pack-${id}.idx`]).stdout.toString();
  const rows = shown
    .split("\n")
    .map((line) => line.split(/ +/))
    .filter(([oid = ""]) => /^[0-9a-f]{40,64}$/.test(oid))
    .toSorted((a, b) => Number(a[4]) - Number(b[4]));
  const count = pack.readUInt32BE(8);
  const objects = rows.slice(0, count).map(([oid = ""]) => oid);
  const entry = { objects: objects.toSorted(), isThin: rows.length > count };
  listed.set(key, entry);
  return entry;
}

/** Makes the repository that packs are read in: all objects of the work tree, none of its own. */
export async function createReader(fixtures: Fixtures, path: string): Promise<string> {
  runGit(fixtures.root, ["init", "--quiet", "--bare", `--object-format=${fixtures.format}`, path]);
  const sources = [`${fixtures.local.path}/.git/objects`, `${fixtures.directory("borrowing")}/objects`];
  await writeFile(`${path}/objects/info/alternates`, `${sources.join("\n")}\n`);
  return path;
}
