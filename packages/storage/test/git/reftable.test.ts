import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectFormat, RandomAccess } from "@millrace/pack";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createTableWriter,
  encodeTable,
  keyOfName,
  mergeTables,
  nameOfKey,
  openTable,
  type RefRecords,
  type TableLog,
  type TableRef,
} from "../../src/reftable/index.ts";
import { findNewerGit, runNewerGit } from "@millrace/git-lab";

const newer = findNewerGit();
let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-reftable-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function git(cwd: string, args: readonly string[], input?: string): string {
  return runNewerGit(newer.path as string, cwd, args, input);
}

function sourceOf(bytes: Uint8Array): RandomAccess {
  return { sizeBytes: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
}

async function collect<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

/** A repository with commits and an annotated tag to point at. */
async function makeRepository(name: string, format: ObjectFormat, settings: readonly string[]) {
  const directory = join(root, name);
  const kind = ["--bare", "--ref-format=reftable", `--object-format=${format}`];
  git(root, ["init", "--quiet", ...kind, "--initial-branch=main", directory]);
  for (const setting of settings) git(directory, ["config", ...setting.split("=")]);
  const tree = git(directory, ["mktree"]).trim();
  const commits = ["one", "two"].map((message) =>
    git(directory, ["commit-tree", "-m", message, tree]).trim(),
  );
  git(directory, ["tag", "-a", "-m", "twice", "v1", commits[0] as string]);
  const tag = git(directory, ["rev-parse", "refs/tags/v1"]).trim();
  return { directory, commits, tag };
}

async function tablesOf(directory: string): Promise<Buffer[]> {
  const list = await readFile(join(directory, "reftable/tables.list"), "utf8");
  return Promise.all(
    list
      .trim()
      .split("\n")
      .map((name) => readFile(join(directory, "reftable", name))),
  );
}

/** Refs as `git for-each-ref` prints them with `FIELDS`. */
const FIELDS = "%(objectname) %(*objectname) %(symref) %(refname)";
async function refLines(records: RefRecords): Promise<string[]> {
  const stored = await collect(records.refs({ prefix: "refs/" }));
  const resolve = (ref: TableRef | undefined): TableRef | undefined =>
    ref?.symref === undefined ? ref : resolve(stored.find((each) => each.key === ref.symref));
  return stored.flatMap((ref) => {
    const end = resolve(ref);
    if (end === undefined) return [];
    const symref = ref.symref === undefined ? "" : nameOfKey(ref.symref);
    return [`${end.oid} ${end.peeled ?? ""} ${symref} ${nameOfKey(ref.key)}`];
  });
}

function gitLines(directory: string): string[] {
  return git(directory, ["for-each-ref", `--format=${FIELDS}`])
    .split("\n")
    .slice(0, -1);
}

const LAYOUTS = [
  { format: "sha1", blockBytes: 4096, restartInterval: 16, objectIndex: true },
  { format: "sha1", blockBytes: 700, restartInterval: 5, objectIndex: true },
  { format: "sha1", blockBytes: 16_384, restartInterval: 16, objectIndex: false },
  { format: "sha256", blockBytes: 1024, restartInterval: 16, objectIndex: true },
] as const;

describe.each(LAYOUTS)("tables of $format in blocks of $blockBytes bytes", (layout) => {
  const { format, blockBytes, restartInterval, objectIndex } = layout;
  const settings = [
    `reftable.blockSize=${blockBytes}`,
    `reftable.restartInterval=${restartInterval}`,
    `reftable.indexObjects=${objectIndex}`,
    "core.logAllRefUpdates=always",
  ];

  test("are read as git reads them, and written byte for byte as git writes them", async (ctx) => {
    if (newer.path === undefined) ctx.skip(newer.why);
    const name = `theirs-${format}-${blockBytes}`;
    const { directory, commits, tag } = await makeRepository(name, format, settings);
    const lines = Array.from({ length: 1500 }, (_, i) => {
      if (i % 3 === 0) return `create refs/tags/t${i} ${tag}`;
      return `create refs/heads/${i % 7}/topic-${i}${i % 50 === 1 ? "-ü" : ""} ${commits[i % 2]}`;
    });
    git(directory, ["update-ref", "--stdin"], `${lines.join("\n")}\n`);
    git(directory, ["symbolic-ref", "refs/remotes/origin/HEAD", "refs/tags/t0"]);
    const merged = async (): Promise<RefRecords> => {
      const tables = (await tablesOf(directory)).map((bytes) => openTable(sourceOf(bytes)));
      return mergeTables(await Promise.all(tables));
    };
    expect(await refLines(await merged())).toEqual(gitLines(directory));
    git(directory, ["update-ref", "--stdin"], "delete refs/tags/t3\ndelete refs/tags/t6\n");
    expect(await refLines(await merged())).toEqual(gitLines(directory));

    git(directory, ["pack-refs", "--all"]);
    const [theirs, ...others] = await tablesOf(directory);
    expect(others).toEqual([]);
    const table = await openTable(sourceOf(theirs as Buffer));
    expect(await refLines(table)).toEqual(gitLines(directory));
    expect((await table.find("HEAD"))?.symref).toBe("refs/heads/main");
    const logs = await collect(table.logs());
    expect(logs.length).toBeGreaterThan(1400);

    const { minUpdateIndex, maxUpdateIndex } = table;
    const writer = createTableWriter({ ...layout, minUpdateIndex, maxUpdateIndex });
    for await (const batch of table.refs()) for (const ref of batch) writer.addRef(ref);
    for (const log of logs) writer.addLog(log);
    writer.finish();
    const ours = Buffer.concat(writer.take());
    // Log blocks are deflated, which zlib's versions do in different ways; all before them is git's, byte by byte.
    const logsStart = Number((theirs as Buffer).readBigUInt64BE((theirs as Buffer).length - 20));
    expect(ours.subarray(0, logsStart).equals((theirs as Buffer).subarray(0, logsStart))).toBe(true);
    expect(await collect((await openTable(sourceOf(ours))).logs())).toEqual(logs);
  });

  test("that we write are read by git, and pass its checks", async (ctx) => {
    if (newer.path === undefined) ctx.skip(newer.why);
    const name = `ours-${format}-${blockBytes}`;
    const { directory, commits, tag } = await makeRepository(name, format, settings);
    const [commit] = commits as [string];
    const refs: TableRef[] = [
      { key: "HEAD", updateIndex: 9, oid: undefined, peeled: undefined, symref: "refs/heads/a/2" },
    ];
    const logs: TableLog[] = [];
    for (let i = 0; i < 1200; i++) {
      const kind = i % 4;
      const folder = ["tags", "heads/a", "heads/a", "links"][kind];
      const key = keyOfName(`refs/${folder}/${i}${i % 100 === 1 ? "ö" : ""}`);
      const updateIndex = 9 + (i % 3);
      if (kind === 3)
        refs.push({ key, updateIndex, oid: undefined, peeled: undefined, symref: "refs/tags/0" });
      else
        refs.push({
          key,
          updateIndex,
          oid: kind === 0 ? tag : commit,
          peeled: kind === 0 ? commit : undefined,
          symref: undefined,
        });
      const [who, email, message] = ["Tess Tester", "tess@example.org", `move ${i}\n`].map((text) =>
        Buffer.from(text),
      ) as [Buffer, Buffer, Buffer];
      const move = { old: null, new: commit, name: who, email, time: 1_700_000_000 + i, zone: -230, message };
      if (kind === 1) logs.push({ key, updateIndex, move });
    }
    const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1);
    const table = encodeTable(
      { ...layout, minUpdateIndex: 9, maxUpdateIndex: 11 },
      refs.sort(byKey),
      logs.sort(byKey),
    );
    const folder = join(directory, "reftable");
    for (const file of await readdir(folder)) await rm(join(folder, file));
    const fileName = "0x000000000009-0x00000000000b-00c0ffee.ref";
    await writeFile(join(folder, fileName), table);
    await writeFile(join(folder, "tables.list"), `${fileName}\n`);

    const records = await openTable(sourceOf(table));
    expect(gitLines(directory)).toEqual(await refLines(records));
    expect(
      git(directory, ["for-each-ref", "--points-at", commit, "--format=%(refname)"]).split("\n"),
    ).toHaveLength(1201);
    expect(git(directory, ["symbolic-ref", "HEAD"])).toBe("refs/heads/a/2\n");
    const newest = git(directory, ["reflog", "show", "--date=iso", "refs/heads/a/5"]);
    expect(newest).toBe(`${commit.slice(0, 7)} refs/heads/a/5@{2023-11-14 19:43:25 -0230}: move 5\n`);
    git(directory, ["refs", "verify"]);
    git(directory, ["fsck", "--strict"]);
    git(directory, ["update-ref", "-d", "refs/tags/0"]);
    git(directory, ["pack-refs", "--all"]);
    const [packed] = await tablesOf(directory);
    expect(await refLines(await openTable(sourceOf(packed as Buffer)))).toEqual(gitLines(directory));
  });
});
