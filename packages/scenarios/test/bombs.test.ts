import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kinds, rawPack, type RawEntry } from "../src/raw-pack.ts";
import { type RawAnswer, rawPush, rawPushBody } from "../src/raw-push.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type ServerProcess, startServerProcess } from "../src/server-process.ts";

const ZERO = "0".repeat(40);
const MISSING = "1".repeat(40);
const MIB = 1024 * 1024;
/** Largest object that a delta may make of a blob, and largest commit, tree and tag, unless a server says otherwise. */
const HELD_BYTES = 512 * MIB;
const METADATA_BYTES = 128 * MIB;
/** Below what two pairs of a base and its result would take. */
const MOST_BYTES = 1.5 * 1024 * MIB;

function sizeBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

/** Copies as much of a base as `resultBytes` says, over and over where that is more than there is. */
function copying(baseBytes: number, resultBytes: number): Buffer {
  const copies: number[] = [];
  for (let made = 0; made < resultBytes; ) {
    const length = Math.min(0xffffff, baseBytes, resultBytes - made);
    copies.push(0x80 | 0x70, length & 255, (length >> 8) & 255, length >> 16);
    made += length;
  }
  return Buffer.from([...sizeBytes(baseBytes), ...sizeBytes(resultBytes), ...copies]);
}

/** A base, and what a delta of some hundred bytes makes of it. */
function pair(type: "blob" | "tree", content: Uint8Array, resultBytes: number): RawEntry[] {
  const baseBytes = content.length;
  const base = createHash("sha1").update(`${type} ${baseBytes}\0`).update(content).digest("hex");
  return [
    { kind: kinds[type], content },
    { kind: kinds.refDelta, content: copying(baseBytes, resultBytes), base },
  ];
}

describe("packs that are larger than they look", () => {
  let scratch: Scratch;
  let server: ServerProcess;
  beforeAll(async () => {
    scratch = await createScratch();
  });
  beforeAll(async () => {
    server = await startServerProcess(join(scratch.path, "repositories"), "--threads", "2");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  const push = (pack: Uint8Array, name = "target.git"): Promise<RawAnswer> =>
    rawPush(`${server.url}/${name}`, rawPushBody([[ZERO, MISSING, "refs/heads/bomb"]], pack));

  it("are refused in words before there is memory for them", async () => {
    const refused = async (entries: readonly RawEntry[], told: RegExp): Promise<void> => {
      const pack = rawPack(entries);
      expect(pack.length).toBeLessThan(2 * MIB);
      const { report, progress } = await push(pack);
      expect(report[0]).toMatch(/^unpack unpack-objects abnormal exit/);
      expect(progress).toMatch(told);
    };
    await refused(
      pair("blob", Buffer.alloc(HELD_BYTES + 1), 1),
      /fatal: a delta's base of 536870913 bytes is over the limit/,
    );
    await refused(
      pair("blob", Buffer.alloc(MIB), HELD_BYTES + 1),
      /fatal: .*result of 536870913 bytes is over the limit/,
    );
    await refused(
      [{ kind: kinds.tree, content: Buffer.alloc(METADATA_BYTES + 1) }],
      /fatal: object of 134217729 bytes is over the limit/,
    );
    const tree = Buffer.concat([Buffer.from("100644 a\0"), Buffer.alloc(20, 1)]);
    await refused(
      pair("tree", tree, METADATA_BYTES + 1),
      /fatal: .*result of 134217729 bytes is over the limit/,
    );
    expect(await server.peakMemoryBytes()).toBeLessThan(400 * MIB);
  });

  it("are taken apart one by one where they are within the bounds", { timeout: 600_000 }, async () => {
    const blobs = rawPack(pair("blob", Buffer.alloc(HELD_BYTES), HELD_BYTES - 1));
    expect(blobs.length).toBeLessThan(MIB);
    // There is a thread for each.
    const answers = await Promise.all([push(blobs, "a.git"), push(blobs, "b.git")]);
    for (const { report } of answers) {
      expect(report).toEqual(["unpack ok", "ng refs/heads/bomb missing necessary objects"]);
    }
    const tree = await push(rawPack([{ kind: kinds.tree, content: Buffer.alloc(METADATA_BYTES - 1) }]));
    expect(tree.report[0]).toMatch(/^unpack unpack-objects abnormal exit/);
    expect(await server.peakMemoryBytes()).toBeLessThan(MOST_BYTES);
  });

  it("lean on large objects that are here one by one, too", { timeout: 600_000 }, async () => {
    await using fresh = await startServerProcess(join(scratch.path, "stored"), "--threads", "2");
    const url = `${fresh.url}/target.git`;
    const [blob, delta] = pair("blob", Buffer.alloc(HELD_BYTES), HELD_BYTES - 1) as [RawEntry, RawEntry];
    const tag = Buffer.from(`object ${delta.base}\ntype blob\ntag large\ntagger A <a@b.c> 1 +0000\n\n`);
    const tagId = createHash("sha1").update(`tag ${tag.length}\0`).update(tag).digest("hex");
    const stored = rawPack([blob, { kind: kinds.tag, content: tag }]);
    const answer = await rawPush(url, rawPushBody([[ZERO, tagId, "refs/tags/large"]], stored));
    expect(answer.report).toEqual(["unpack ok", "ok refs/tags/large"]);
    const thin = rawPushBody([[ZERO, MISSING, "refs/heads/bomb"]], rawPack([delta]));
    for (const { report } of await Promise.all([1, 2, 3, 4].map(() => rawPush(url, thin)))) {
      expect(report).toEqual(["unpack ok", "ng refs/heads/bomb missing necessary objects"]);
    }
    expect(await fresh.peakMemoryBytes()).toBeLessThan(3 * MOST_BYTES);
  });
});
