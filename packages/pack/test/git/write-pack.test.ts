import * as fs from "node:fs/promises";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  comparePackOrder,
  indexPack,
  type LooseSource,
  type ObjectFormat,
  type ObjectType,
  oidFromBytes,
  openPackIndex,
  type PackReader,
  type PackWriteOptions,
  writePack,
} from "../../src/index.ts";
import {
  collect,
  git,
  gitIndexPack,
  makeFolder,
  makeRepository,
  memorySink,
  noise,
  packObjects,
  readerOf,
} from "./pack-fixtures.ts";

describe.each(["sha1", "sha256"] as const)("writePack and git index-pack, %s", (format: ObjectFormat) => {
  let dir: string;
  let ofsPack: Uint8Array;
  let ofs: PackReader;
  let ref: PackReader;
  let refPack: Uint8Array;
  beforeAll(async () => {
    dir = await makeFolder();
    makeRepository(dir, format, 50);
    ofsPack = packObjects(dir, ["--delta-base-offset"], "main\nv1\n");
    refPack = packObjects(dir, ["--no-reuse-delta", "--window=5"], "main\nv1\n");
    ofs = readerOf(ofsPack, (await gitIndexPack(ofsPack, format)).idx, format);
    ref = readerOf(refPack, (await gitIndexPack(refPack, format)).idx, format);
  });
  afterAll(() => fs.rm(dir, { recursive: true, force: true }));

  const everything = (reader: PackReader): Uint32Array =>
    Uint32Array.from({ length: reader.index.count }, (_, i) => i);
  const share = (reader: PackReader, keep: (position: number) => boolean): Uint32Array =>
    everything(reader).filter(keep);

  async function write(options: Omit<PackWriteOptions, "format" | "ofsDelta"> & { ofsDelta?: boolean }) {
    const pack = writePack({ format, ofsDelta: true, ...options });
    const { objects } = pack.stats;
    const bytes = await collect(pack);
    expect(pack.stats).toMatchObject({ objects, bytes: bytes.length });
    return { bytes, stats: pack.stats };
  }

  /** The ids in a pack, according to git. */
  async function oidsOf(bytes: Uint8Array, flags: readonly string[] = []): Promise<string[]> {
    const index = openPackIndex((await gitIndexPack(bytes, format, flags)).idx, format);
    return Array.from({ length: index.count }, (_, i) => index.oidAt(i));
  }

  it("streams a whole pack as it is stored", async () => {
    const uncounted = await write({
      packs: [{ reader: ofs, positions: everything(ofs) }],
      countDeltas: false,
    });
    expect(Buffer.compare(uncounted.bytes, ofsPack)).toBe(0);
    expect(uncounted.stats.deltas).toBe(0);
    for (const chunkBytes of [64, 5000, 1 << 18]) {
      const { bytes, stats } = await write({
        packs: [{ reader: ofs, positions: everything(ofs) }],
        chunkBytes,
      });
      expect(Buffer.compare(bytes, ofsPack)).toBe(0);
      expect(stats.reused).toBe(ofs.index.count);
      expect(stats.deltas).toBeGreaterThan(30);
    }
    const asRef = await write({ packs: [{ reader: ref, positions: everything(ref) }], ofsDelta: false });
    expect(Buffer.compare(asRef.bytes, refPack)).toBe(0);
  });

  it("writes deltas by id for receivers that know no distances", async () => {
    const { bytes, stats } = await write({
      packs: [{ reader: ofs, positions: everything(ofs) }],
      ofsDelta: false,
    });
    expect(await oidsOf(bytes, ["--strict"])).toEqual(everythingAsOids(ofs));
    expect(stats.deltas).toBe(stats.reusedDeltas);
    const indexed = await indexPack([bytes], { format, sink: memorySink() });
    expect(indexed.objectCount).toBe(ofs.index.count);
    const reader = readerOf(bytes, indexed.idx, format);
    for (let position = 0; position < reader.index.count; position++) {
      expect((await reader.entryHeader(reader.index.offsetAt(position))).kind).not.toBe(6);
    }
  });

  const everythingAsOids = (reader: PackReader): string[] =>
    Array.from(everything(reader), (p) => reader.index.oidAt(p));

  it.each([2, 3, 10])("writes all objects but each %dth", async (n) => {
    for (const [reader, ofsDelta] of [
      [ofs, true],
      [ofs, false],
      [ref, true],
    ] as const) {
      const positions = share(reader, (position) => position % n !== 0);
      const { bytes, stats } = await write({ packs: [{ reader, positions }], ofsDelta });
      expect(await oidsOf(bytes)).toEqual(Array.from(positions, (p) => reader.index.oidAt(p)));
      expect(stats.objects - stats.reused).toBeGreaterThan(0);
      const again = await write({
        packs: [{ reader, positions: positions.toReversed() }],
        ofsDelta,
        chunkBytes: 1000,
      });
      expect(Buffer.compare(again.bytes, bytes)).toBe(0);
    }
  });

  it("puts two packs together", async () => {
    // Split by id, so that deltas of each pack have bases that come from the other.
    const firsts = share(ofs, (position) => position % 2 === 0);
    const inFirst = new Set(Array.from(firsts, (p) => ofs.index.oidAt(p)));
    const seconds = share(ref, (position) => !inFirst.has(ref.index.oidAt(position)));
    for (const ofsDelta of [true, false]) {
      const packs = [
        { reader: ofs, positions: firsts },
        { reader: ref, positions: seconds },
      ];
      const { bytes, stats } = await write({ packs, ofsDelta });
      expect(await oidsOf(bytes, ["--strict"])).toEqual(everythingAsOids(ofs));
      expect(stats.objects).toBe(ofs.index.count);
    }
  });

  it("puts packs together that share objects, and sends all deltas as they are", async () => {
    const clone = await makeFolder();
    try {
      git(clone, ["init", "-q", "--bare", `--object-format=${format}`, "."]);
      const readers: PackReader[] = [];
      let from = "";
      for (const to of ["main~30", "main~20", "main~8", "main"]) {
        const thin = packObjects(dir, ["--thin", "--delta-base-offset"], `${from}${to}\n`);
        const told = git(clone, ["index-pack", "--fix-thin", "--stdin"], thin).toString();
        const base = path.join(clone, "objects/pack", `pack-${told.trim().split("\t")[1]}`);
        readers.push(readerOf(await fs.readFile(`${base}.pack`), await fs.readFile(`${base}.idx`), format));
        from += `^${to}\n`;
      }
      const taken = new Set<string>();
      const packs = readers
        .toSorted((a, b) => comparePackOrder(a.index, b.index))
        .map((reader) => ({
          reader,
          positions: share(reader, (position) => {
            const oid = reader.index.oidAt(position);
            return !taken.has(oid) && taken.add(oid) !== undefined;
          }),
        }));
      const stored = readers.reduce((sum, { index }) => sum + index.count, 0);
      expect(stored).toBeGreaterThan(taken.size);
      for (const ofsDelta of [true, false]) {
        const { bytes, stats } = await write({ packs, ofsDelta });
        expect(stats.reused).toBe(taken.size);
        expect(await oidsOf(bytes, ["--strict"])).toEqual([...taken].sort());
        const again = await write({ packs: packs.toReversed(), ofsDelta, chunkBytes: 777 });
        expect(Buffer.compare(again.bytes, bytes)).toBe(0);
      }
    } finally {
      await fs.rm(clone, { recursive: true, force: true });
    }
  });

  it("makes thin packs that git completes", async () => {
    const clone = await makeFolder();
    try {
      git(clone, ["init", "-q", "--bare", `--object-format=${format}`, "."]);
      const had = packObjects(dir, ["--delta-base-offset"], "main~10\n");
      git(clone, ["index-pack", "--stdin"], had);
      const hadOids = new Set(
        git(clone, ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"])
          .toString()
          .trim()
          .split("\n"),
      );
      for (const [reader, ofsDelta] of [
        [ofs, true],
        [ofs, false],
        [ref, true],
      ] as const) {
        const positions = share(reader, (position) => !hadOids.has(reader.index.oidAt(position)));
        const { bytes, stats } = await write({
          packs: [{ reader, positions }],
          ofsDelta,
          thinBases: (oid) => hadOids.has(oidFromBytes(oid, 0, format)),
        });
        const whole = await write({ packs: [{ reader, positions }], ofsDelta });
        expect(stats.reused).toBe(positions.length);
        expect(stats.deltas).toBeGreaterThan(whole.stats.deltas);
        expect(bytes.length).toBeLessThan(whole.bytes.length);
        git(clone, ["index-pack", "--strict", "--fix-thin", "--stdin"], bytes);
        git(clone, ["update-ref", "refs/heads/main", git(dir, ["rev-parse", "main"]).toString().trim()]);
        git(clone, ["fsck", "--strict"]);
        expect(await oidsOf(whole.bytes)).toHaveLength(positions.length);

        const indexed = await indexPack([bytes], {
          format,
          sink: memorySink(),
          async resolveBase(oid) {
            const type = git(clone, ["cat-file", "-t", oid]).toString().trim() as ObjectType;
            return { type, content: git(clone, ["cat-file", type, oid]) };
          },
        });
        expect(indexed.appendedBases).toBeGreaterThan(0);
      }
    } finally {
      await fs.rm(clone, { recursive: true, force: true });
    }
  });

  it("adds loose objects, large ones in pieces", async () => {
    const contents = [new Uint8Array(0), Buffer.from("small"), noise(700_000, 7), new Uint8Array(3_000_000)];
    const loose = contents.map((content): LooseSource => {
      const oid = git(dir, ["hash-object", "--stdin"], content).toString().trim();
      async function* stream(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < content.length; at += 60_000) yield content.subarray(at, at + 60_000);
      }
      return { oid, type: "blob", sizeBytes: content.length, stream };
    });
    const positions = share(
      ofs,
      (position) => position % 2 === 0 && ofs.index.oidAt(position) !== loose[0]!.oid,
    );
    const { bytes, stats } = await write({ packs: [{ reader: ofs, positions }], loose });
    const expected = [...Array.from(positions, (p) => ofs.index.oidAt(p)), ...loose.map((o) => o.oid)].sort();
    expect(await oidsOf(bytes)).toEqual(expected);
    expect(stats.objects).toBe(expected.length);
    const only = await write({ packs: [], loose });
    expect(await oidsOf(only.bytes)).toEqual(loose.map((o) => o.oid).sort());

    for (const sizeBytes of [1, 699_999, 700_001]) {
      const wrong = { ...loose[2]!, sizeBytes };
      await expect(write({ packs: [], loose: [wrong] })).rejects.toMatchObject({ code: "PACK_BAD_OBJECT" });
    }
  });

  it("writes an empty pack", async () => {
    const { bytes } = await write({ packs: [] });
    expect(await oidsOf(bytes)).toEqual([]);
  });

  it("stops when it is aborted", async () => {
    const reason = new Error("enough");
    for (const positions of [everything(ofs), share(ofs, (p) => p % 2 === 0)]) {
      const controller = new AbortController();
      const pack = writePack({
        format,
        packs: [{ reader: ofs, positions }],
        ofsDelta: true,
        chunkBytes: 1000,
        signal: controller.signal,
      });
      const reading = (async () => {
        for await (const _ of pack) controller.abort(reason);
      })();
      await expect(reading).rejects.toBe(reason);
    }
  });

  it("reports what it has written", async () => {
    for (const positions of [everything(ofs), share(ofs, (p) => p % 2 === 0)]) {
      const told: number[] = [];
      await write({ packs: [{ reader: ofs, positions }], onProgress: (n) => told.push(n) });
      expect(told.at(-1)).toBe(positions.length);
      expect(told).toEqual(told.toSorted((a, b) => a - b));
    }
  });
});
