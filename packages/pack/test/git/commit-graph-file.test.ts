import * as fs from "node:fs/promises";
import * as path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  type CommitGraphFile,
  createHasher,
  hashLength,
  type ObjectFormat,
  type Oid,
  oidFromBytes,
  oidToBytes,
  openCommitGraphFile,
} from "../../src/index.ts";
import { git, makeFolder } from "./pack-fixtures.ts";

const code = (code: string) => expect.objectContaining({ code });
const folders: string[] = [];
/** Steps of committer clocks; two of them do not fit into 31 bits of an offset. */
const STEPS = [1, 60, -86_400, 0, 2_500_000_000, -2_500_000_000, 3600];
const shapes = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 40 });

/** Commits on three branches with up to seven parents, whose clocks run as they like. */
function historyStream(shape: readonly number[], firstMark = 1): string {
  const lines: string[] = [];
  let time = 5_000_000_000;
  for (const [i, seed] of shape.entries()) {
    const mark = firstMark + i;
    time += STEPS[seed % STEPS.length]!;
    lines.push(`commit refs/heads/b${seed % 3}`, `mark :${mark}`);
    lines.push(`committer C <c@example.com> ${Math.max(1, time % 16_000_000_000)} +0000`, "data 1", "c");
    const parents = new Set<number>();
    for (let p = 0; mark > 1 && p < [1, 1, 2, 0, 3, 7][seed % 6]!; p++) {
      parents.add(1 + ((seed * 7 + p * 5) % (mark - 1)));
    }
    for (const [p, parent] of [...parents].entries()) lines.push(`${p === 0 ? "from" : "merge"} :${parent}`);
    if (parents.size === 0) lines.push("deleteall");
    lines.push(`M 100644 inline f${seed % 5}`, "data 5", String(10_000 + (seed % 90_000)));
  }
  return `${lines.join("\n")}\ndone\n`;
}

async function makeHistory(format: ObjectFormat, shape: readonly number[]): Promise<string> {
  const dir = await makeFolder();
  folders.push(dir);
  git(dir, ["init", "-q", "--bare", `--object-format=${format}`, "."]);
  await grow(dir, shape, 1);
  return dir;
}

async function grow(dir: string, shape: readonly number[], firstMark: number): Promise<void> {
  const marks = path.join(dir, "marks");
  const args = ["fast-import", "--quiet", "--force", `--export-marks=${marks}`];
  if (firstMark > 1) args.push(`--import-marks=${marks}`);
  git(dir, args, historyStream(shape, firstMark));
}

/** The layers that git has written, the lowest first. */
async function readLayers(dir: string): Promise<Uint8Array[]> {
  const info = path.join(dir, "objects", "info");
  const chain = await fs
    .readFile(path.join(info, "commit-graphs", "commit-graph-chain"), "utf8")
    .catch(() => "");
  const names = chain.split("\n").filter((line) => line !== "");
  const paths = names.map((name) => path.join(info, "commit-graphs", `graph-${name}.graph`));
  if (names.length === 0) paths.push(path.join(info, "commit-graph"));
  return Promise.all(paths.map(async (file) => new Uint8Array(await fs.readFile(file))));
}

function openLayers(layers: readonly Uint8Array[], format: ObjectFormat): CommitGraphFile {
  let file: CommitGraphFile | undefined;
  for (const bytes of layers) file = openCommitGraphFile(bytes, format, { below: file });
  return file!;
}

/** What a file tells of a commit, as a line of `git log`. */
function lineOf(file: CommitGraphFile, position: number): string {
  const raw = new Uint8Array(hashLength(file.format));
  const at = (copy: (position: number, target: Uint8Array) => void, which: number): Oid => {
    copy(which, raw);
    return oidFromBytes(raw, 0, file.format);
  };
  const parents: number[] = [];
  file.readParents(position, parents);
  const told = parents.map((parent) => at(file.copyOid, parent)).join(" ");
  return `${at(file.copyOid, position)} ${at(file.copyTree, position)} ${file.time(position)} ${told}`.trimEnd();
}

/** The file with another byte somewhere, or another end, and the right checksum. */
function forge(bytes: Uint8Array, format: ObjectFormat, at: number, value: number, end: number): Uint8Array {
  const forged = bytes.slice(0, end + hashLength(format));
  if (at < end) forged[at] = value;
  const hasher = createHasher(format);
  hasher.update(forged.subarray(0, end));
  forged.set(hasher.digest(), end);
  return forged;
}

/** Asks all that can be asked, and tells whether all answers lie within bounds. */
function isBounded(file: CommitGraphFile): boolean {
  const raw = new Uint8Array(hashLength(file.format));
  const parents: number[] = [];
  let isSound = true;
  for (let position = 0; position < file.count; position++) {
    file.copyTree(position, raw);
    file.copyOid(position, raw);
    isSound &&= file.find(raw) < file.count;
    isSound &&= file.time(position) < 2 ** 34 && file.level(position) < 2 ** 30;
    const date = typed(() => file.correctedTime(position));
    isSound &&= date === undefined || Number.isSafeInteger(date);
    typed(() => file.readParents(position, parents));
    isSound &&= parents.every((parent) => parent >= 0 && parent < file.count);
  }
  return isSound;
}

/** What `ask` answers; nothing where it throws what it may throw. */
function typed<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if ((error as { code?: string }).code !== "PACK_BAD_INDEX") throw error;
    return undefined;
  }
}

afterAll(async () => {
  for (const dir of folders) await fs.rm(dir, { recursive: true, force: true });
});

describe.each<ObjectFormat>(["sha1", "sha256"])("the commit-graph by git, %s", (format) => {
  it.each([["one file"], ["layers"]])(
    "tells what git log tells: %s",
    async (kind) => {
      let mostParents = 0;
      let mostLayers = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(shapes, { minLength: 1, maxLength: 3 }), async (steps) => {
          const dir = await makeHistory(format, steps[0]!);
          const write = ["commit-graph", "write", "--reachable"];
          if (kind === "layers") write.push("--split=no-merge");
          git(dir, write);
          let marks = steps[0]!.length;
          for (const step of steps.slice(1)) {
            await grow(dir, step, marks + 1);
            marks += step.length;
            git(dir, write);
          }
          const file = openLayers(await readLayers(dir), format);
          mostLayers = Math.max(mostLayers, file.layerCount);
          const log = git(dir, ["log", "--all", "--format=%H %T %ct %P"]).toString().trimEnd().split("\n");
          const told = log.map((line) => line.trimEnd());
          const lines = Array.from({ length: file.count }, (_, position) => lineOf(file, position));
          // A commit that nothing reaches any more may have stayed in a layer.
          expect(lines).toEqual(expect.arrayContaining(told));
          if (kind === "one file") expect(lines.toSorted()).toEqual(told.toSorted());

          const levels = new Map<number, number>();
          const dates = new Map<number, number>();
          const byTopology = Array.from({ length: file.count }, (_, i) => i).toSorted(
            (a, b) => file.level(a) - file.level(b),
          );
          for (const position of byTopology) {
            const parents: number[] = [];
            file.readParents(position, parents);
            mostParents = Math.max(mostParents, parents.length);
            levels.set(position, 1 + Math.max(0, ...parents.map((parent) => levels.get(parent)!)));
            dates.set(
              position,
              Math.max(file.time(position), ...parents.map((parent) => dates.get(parent)! + 1)),
            );
            expect(file.level(position)).toBe(levels.get(position));
            expect(file.correctedTime(position)).toBe(dates.get(position));
            const oid = oidToBytes(lineOf(file, position).split(" ")[0]!);
            expect(file.find(oid)).toBe(position);
            expect(file.find(Buffer.concat([Buffer.alloc(3), oid]), 3)).toBe(position);
            oid[oid.length - 1]! ^= 1;
            expect(file.find(oid)).toBe(-1);
          }
          expect(file.find(new Uint8Array(hashLength(format)))).toBe(-1);
          expect(file.find(new Uint8Array(hashLength(format)).fill(255))).toBe(-1);
          expect(file.find(new Uint8Array(3))).toBe(-1);
        }),
        { numRuns: 15 },
      );
      expect(mostParents).toBeGreaterThan(2);
      expect(mostLayers > 1).toBe(kind === "layers");
    },
    120_000,
  );

  it("is told with what newer files have beside: paths that have changed, and older ones lack", async () => {
    const dir = await makeHistory(format, [1, 4, 9, 16, 25, 36, 5, 11]);
    git(dir, ["commit-graph", "write", "--reachable", "--changed-paths"]);
    expect(openLayers(await readLayers(dir), format).count).toBe(8);
    git(dir, ["-c", "commitGraph.generationVersion=1", "commit-graph", "write", "--reachable"]);
    const file = openLayers(await readLayers(dir), format);
    expect(file.correctedTime(0)).toBeUndefined();
    expect(file.level(0)).toBeGreaterThan(0);
  });

  it("is refused wherever a bit of it has flipped or it is cut", async () => {
    const dir = await makeHistory(format, [1, 4, 9, 5, 11]);
    git(dir, ["commit-graph", "write", "--reachable"]);
    const [bytes] = await readLayers(dir);
    for (let at = 0; at < bytes!.length; at++) {
      const flipped = bytes!.slice();
      flipped[at]! ^= 1 << (at % 8);
      expect(() => openCommitGraphFile(flipped, format)).toThrow(code("PACK_BAD_INDEX"));
      expect(() => openCommitGraphFile(bytes!.subarray(0, at), format)).toThrow(code("PACK_BAD_INDEX"));
    }
  });

  it("is read within bounds where it lies and its checksum is right", async () => {
    const dir = await makeHistory(format, [1, 4, 9, 16, 25, 36, 5, 11, 17, 23, 29]);
    git(dir, ["commit-graph", "write", "--reachable", "--split=no-merge"]);
    await grow(dir, [5, 11, 4, 10], 12);
    git(dir, ["commit-graph", "write", "--reachable", "--split=no-merge"]);
    const layers = await readLayers(dir);
    expect(layers).toHaveLength(2);
    let opened = 0;
    const tryForged = (which: number, at: number, value: number, end: number): void => {
      const forged = layers.map((bytes, i) => (i === which ? forge(bytes, format, at, value, end) : bytes));
      // Of a layer that was forged, the next one says that it is another.
      const file = typed(() => openLayers(forged.slice(0, which + 1), format));
      if (file === undefined) return;
      if (!isBounded(file)) throw new Error(`out of bounds: layer ${which}, ${value} at ${at}, ${end} bytes`);
      opened++;
    };
    for (const [which, bytes] of layers.entries()) {
      const end = bytes.length - hashLength(format);
      for (let at = 0; at < end; at++)
        for (const value of [0, 0x7f, 0x80, 255]) tryForged(which, at, value, end);
      for (let cut = 0; cut <= end; cut++) tryForged(which, 0, bytes[0]!, cut);
    }
    expect(opened).toBeGreaterThan(1000);
  });

  it("takes a layer only over those that it was written over", async () => {
    const dir = await makeHistory(format, [1, 4, 9]);
    for (const [step, firstMark] of [
      [[2], 4],
      [[8], 5],
    ] as const) {
      git(dir, ["commit-graph", "write", "--reachable", "--split=no-merge"]);
      await grow(dir, step, firstMark);
    }
    git(dir, ["commit-graph", "write", "--reachable", "--split=no-merge"]);
    const [first, second, third] = (await readLayers(dir)) as [Uint8Array, Uint8Array, Uint8Array];
    const lowest = openCommitGraphFile(first, format);
    const middle = openCommitGraphFile(second, format, { below: lowest });
    expect(openCommitGraphFile(first, format, { hash: lowest.checksum }).count).toBe(lowest.count);
    expect(openCommitGraphFile(third, format, { below: middle }).layerCount).toBe(3);
    for (const open of [
      () => openCommitGraphFile(second, format),
      () => openCommitGraphFile(first, format, { hash: middle.checksum }),
      () => openCommitGraphFile(third, format, { below: lowest }),
      () => openCommitGraphFile(first, format, { below: lowest }),
      () => openCommitGraphFile(first, format === "sha1" ? "sha256" : "sha1"),
    ]) {
      expect(open).toThrow(code("PACK_BAD_INDEX"));
    }
  });
});
