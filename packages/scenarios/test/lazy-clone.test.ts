import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  createPromisor,
  type ObjectSource,
  openRemoteSource,
  openStoreCache,
  openTree,
  SharedPromisor,
  type StoreCache,
} from "@millrace/promisor";
import { createBucket, demandServer } from "@millrace/s3-lab";
import { createMemoryStorage, type RepositoryStore } from "@millrace/storage";
import { openS3Storage } from "@millrace/storage-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { git, gitEnvironment } from "../src/git.ts";
import { createLazyClone, type LazyClone } from "../src/lazy-clone.ts";
import { createScratch } from "../src/scratch.ts";

const packFiles = async (clone: LazyClone): Promise<string[]> =>
  (await readdir(join(clone.directory, "objects/pack"))).sort();
const endings = (files: readonly string[]): string[] =>
  [...new Set(files.map((name) => name.slice(name.lastIndexOf("."))))].sort();

describe.each(["sha1", "sha256"] as const)("a git directory that a lazy reader fills, %s", (format) => {
  let clone: LazyClone;
  beforeEach(async () => {
    clone = await createLazyClone(format, { consolidateAfter: Number.POSITIVE_INFINITY });
  });
  afterEach(() => clone[Symbol.asyncDispose]());

  /** Fetches the tip with its trees, points a branch to it, and answers its id. */
  async function open(): Promise<string> {
    const { store, objects, remote } = clone;
    const { commit } = await openTree({ objects, refs: remote }, "main");
    await store.commit({ refs: [{ name: "refs/heads/main", old: null, new: commit! }] });
    return commit!;
  }

  it("is a partial clone to git, which needs nobody for what was read", async () => {
    await open();
    const { objects, remote } = clone;
    const tree = await openTree({ objects, refs: remote }, "main");
    await tree.prefetch();
    expect(clone.requests.length).toBe(2);
    const files = await packFiles(clone);
    expect(endings(files)).toEqual([".idx", ".pack", ".promisor", ".rev"]);
    for (const name of files) {
      expect((await stat(join(clone.directory, "objects/pack", name))).mode & 0o777).toBe(0o444);
    }
    expect((await readdir(join(clone.directory, "objects"))).toSorted()).toEqual(["info", "pack"]);
    const worktree = join(clone.root, "worktree");
    await mkdir(worktree);
    await clone.offline(async () => {
      expect(await clone.tryGit(["fsck", "--full", "--strict"])).toMatchObject({ status: 0, stderr: "" });
      expect(await clone.git(["log", "--format=%H"])).toBe(await clone.git(["rev-parse", "main"]));
      expect(await clone.git(["rev-list", "--objects", "--missing=print", "main"])).not.toContain("?");
      await clone.git([`--work-tree=${worktree}`, "checkout", "--quiet", "--force", "main", "--", "."]);
    });
    expect(await git(["ls-tree", "-r", "main"], { cwd: clone.origin })).toBe(
      await clone.git(["ls-tree", "-r", "main"]),
    );
    for await (const entries of tree.walk()) {
      for (const { path } of entries) {
        const bytes = await readFile(join(worktree, path));
        expect(bytes.equals(await readFile(join(clone.origin, path)))).toBe(true);
      }
    }
  });

  it("lets git fetch what was not read, and has it then without a request", async () => {
    await open();
    const blob = await clone.oid("main:README");
    expect(await clone.git(["rev-list", "--objects", "--missing=print", "main"])).toContain(`?${blob}`);
    expect((await clone.tryGit(["fsck"])).status).toBe(0);
    await clone.offline(async () => {
      expect((await clone.tryGit(["cat-file", "blob", blob])).status).not.toBe(0);
    });
    const text = await clone.git(["cat-file", "blob", blob]);
    const before = clone.requests.length;
    expect(Buffer.from((await clone.objects.resolve(blob)).content).toString()).toBe(`${text}\n`);
    expect(clone.requests.length).toBe(before);
  });

  it("is all that the next reader needs", async () => {
    await open();
    const blob = await clone.oid("main:README");
    await clone.objects.resolve(blob);
    const requests = clone.requests.length;
    const again = await clone.reopen();
    await clone.offline(async () => {
      const tree = await openTree({ objects: again }, await clone.git(["rev-parse", "main"]));
      expect((await tree.stat("README")).sizeBytes).toBe((await again.resolve(blob)).content.length);
      // The beginning of a name will do for what is here.
      expect((await openTree({ objects: again }, tree.commit!.slice(0, 10))).tree).toBe(tree.tree);
    });
    expect(clone.requests.length).toBe(requests);
  });

  it("shows what git writes and packs meanwhile, and what lies in alternates", async () => {
    const commit = await open();
    const { objects } = clone;
    const written: string[] = [];
    const write = async (text: string): Promise<string> => {
      await writeFile(join(clone.root, "text"), text);
      const oid = await clone.git(["hash-object", "-w", join(clone.root, "text")]);
      written.push(oid);
      return oid;
    };
    const first = await write("loose\n");
    expect(Buffer.from((await objects.resolve(first)).content).toString()).toBe("loose\n");
    const second = await write("packed\n");
    const tree = await clone.git(["rev-parse", `${commit}^{tree}`]);
    const made = await clone.git(["commit-tree", tree, "-p", commit, "-m", "made here"]);
    await clone.git(["tag", "blob", second]);
    await clone.git(["update-ref", "refs/heads/main", made]);
    await clone.git(["repack", "-a", "-d", "-q"]);
    await clone.git(["prune-packed"]);
    expect((await objects.resolve(second)).type).toBe("blob");
    expect((await objects.resolve(made)).type).toBe("commit");
    const loose = await clone.git(["commit-tree", tree, "-p", made, "-m", "loose"]);
    for (const oid of [made, loose]) {
      const named = await openTree({ objects }, await clone.git(["rev-parse", "--short=12", oid]));
      expect(named.commit).toBe(oid);
    }
    await git(["init", "--quiet", `--object-format=${format}`, join(clone.root, "lender")]);
    const lent = await git(["hash-object", "-w", join(clone.origin, "README"), "--stdin"], {
      cwd: join(clone.root, "lender"),
      input: "lent\n",
    });
    await writeFile(
      join(clone.directory, "objects/info/alternates"),
      `${join(clone.root, "lender/.git/objects")}\n`,
    );
    const again = await clone.reopen();
    for (const oid of lent.split("\n")) expect((await again.resolve(oid)).type).toBe("blob");
    expect(clone.requests.length).toBe(1);
    expect(await clone.tryGit(["fsck", "--full"])).toMatchObject({ status: 0 });
  });

  it("tells where its history ends, until it is whole", async () => {
    const commit = await open();
    const path = join(clone.directory, "shallow");
    expect(await readFile(path, "utf8")).toBe(`${commit}\n`);
    // Another commit, behind which nothing is here.
    const early = await clone.oid("main~6");
    await clone.objects.resolve(early);
    expect((await readFile(path, "utf8")).split("\n").filter(Boolean)).toEqual([commit, early].sort());
    await clone.objects.fetchWithFilter([commit], { filter: "blob:none", depth: 3 });
    const cut = (await readFile(path, "utf8")).split("\n").filter(Boolean);
    expect(cut).toContain(early);
    expect(cut).not.toContain(commit);
    const theirs = join(clone.root, "depth-3");
    await git(["clone", "--quiet", "--bare", "--depth=3", `file://${clone.origin}`, theirs]);
    await clone.offline(async () => {
      expect(await clone.git(["rev-list", "main"])).toBe(await git(["rev-list", "main"], { cwd: theirs }));
      expect((await clone.tryGit(["fsck"])).status).toBe(0);
    });
    await clone.objects.fetchWithFilter([commit], { filter: "blob:none" });
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.lock`)).toBe(false);
    await clone.offline(async () => {
      expect(await clone.git(["rev-list", "main"])).toBe(
        await git(["rev-list", "main"], { cwd: `${clone.origin}.away` }),
      );
    });
    expect(await clone.git(["rev-parse", "--is-shallow-repository"])).toBe("false");
  });

  it("puts many small packs together, while git reads from them", async () => {
    await open();
    const { objects, cache } = clone;
    const blobs = [
      ...new Set((await clone.git(["ls-tree", "-r", "--format=%(objectname)", "main"])).split("\n")),
    ];
    for (const oid of blobs) await objects.resolve(oid);
    const made = await clone.git(["hash-object", "-w", join(clone.origin, "README")]);
    expect((await packFiles(clone)).filter((name) => name.endsWith(".pack")).length).toBe(blobs.length + 1);
    const reader = spawn("git", ["cat-file", "--batch-check"], {
      cwd: clone.directory,
      env: gitEnvironment,
    });
    const read = (oid: string): Promise<string> =>
      new Promise((resolve) => {
        reader.stdout.once("data", (line: Buffer) => resolve(line.toString()));
        reader.stdin.write(`${oid}\n`);
      });
    await clone.offline(async () => {
      expect(await read(blobs[0]!)).toContain(" blob ");
      const report = await cache.consolidate({ full: true });
      expect(report.removed.length).toBe(blobs.length + 1);
      for (const oid of blobs) expect(await read(oid)).toContain(" blob ");
      reader.stdin.end();
      expect((await packFiles(clone)).filter((name) => !name.endsWith(".rev")).length).toBe(3);
      expect(await clone.tryGit(["fsck", "--full"])).toMatchObject({ status: 0, stderr: "" });
      const again = await clone.reopen();
      for (const oid of [...blobs, made]) expect((await again.resolve(oid)).type).toBe("blob");
    });
  });
});

describe("a lazy reader over a git directory", () => {
  let clone: LazyClone;
  beforeEach(async () => {
    clone = await createLazyClone("sha1", { consolidateAfter: Number.POSITIVE_INFINITY });
  });
  afterEach(() => clone[Symbol.asyncDispose]());

  const blobsOf = async (): Promise<readonly string[]> => [
    ...new Set(
      (await git(["ls-tree", "-r", "--format=%(objectname)", "main"], { cwd: clone.origin })).split("\n"),
    ),
  ];

  it("puts packs together by itself where there are too many", async () => {
    const tidy = await clone.reopen({ consolidateAfter: 4 });
    const blobs = await blobsOf();
    for (const oid of blobs) await tidy.resolve(oid);
    await expect
      .poll(async () => (await packFiles(clone)).filter((name) => name.endsWith(".pack")).length)
      .toBeLessThan(blobs.length / 2);
  });

  it("drops fetched blobs that may go, and has them again when they are needed", async () => {
    const { objects, cache, store } = clone;
    const blobs = await blobsOf();
    const { commit } = await openTree({ objects, refs: clone.remote }, "main");
    await store.commit({ refs: [{ name: "refs/heads/main", old: null, new: commit! }] });
    await objects.prefetch(blobs);
    const [kept, gone] = blobs as [string, string];
    await writeFile(join(clone.root, "text"), "written here\n");
    const written = await clone.git(["hash-object", "-w", join(clone.root, "text")]);
    const report = await cache.evict((oid) => oid !== kept);
    expect(report.droppedCount).toBe(blobs.length - 1);
    expect((await cache.evict(() => false)).droppedCount).toBe(0);
    await clone.offline(async () => {
      expect(await clone.tryGit(["fsck", "--full"])).toMatchObject({ status: 0 });
      expect((await clone.git(["ls-tree", "-r", "main"])).split("\n").length).toBeGreaterThanOrEqual(
        blobs.length,
      );
      for (const oid of [kept, written]) expect(await clone.git(["cat-file", "-t", oid])).toBe("blob");
    });
    const again = await clone.reopen();
    expect(await again.missing(blobs)).toEqual(blobs.filter((oid) => oid !== kept));
    const before = clone.requests.length;
    expect((await again.resolve(gone)).type).toBe("blob");
    expect(clone.requests.slice(before)).toEqual([[gone]]);
    // git fetches what it needs as well.
    const other = blobs[2]!;
    expect(await clone.git(["cat-file", "-t", other])).toBe("blob");
    // All of it may go.
    await cache.evict(() => true);
    expect((await clone.tryGit(["fsck"])).status).toBe(0);
  });

  it("gets each object once, however many readers there are", async () => {
    const blobs = await blobsOf();
    const read = await Promise.all(
      Array.from({ length: 200 }, (_, n) => clone.objects.resolve(blobs[n % blobs.length]!)),
    );
    expect(read.every(({ type }) => type === "blob")).toBe(true);
    expect(clone.requests.map((wants) => wants.toSorted())).toEqual([blobs.toSorted()]);
    // Once here, they need no request from who has nothing in memory, nor a wait for those who fetch.
    const again = await clone.reopen();
    await again.prefetch(blobs);
    expect((await again.sizes(blobs)).size).toBe(blobs.length);
    expect(clone.requests.length).toBe(1);
  });

  it("keeps what comes out of bounds, and what comes damaged, away from all", async () => {
    const strict = await clone.reopen({ limits: { maxObjectBytes: 100 } });
    const tree = await clone.oid("main^{tree}");
    await expect(strict.resolve(tree)).rejects.toMatchObject({ code: "PACK_LIMIT_EXCEEDED" });
    const cut = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("PACK\0\0\0\u0002\0\0\0\u0001");
    };
    await expect(
      clone.cache.keep({ pack: cut(), shallow: [], async [Symbol.asyncDispose]() {} }),
    ).rejects.toMatchObject({ code: "PACK_TRUNCATED" });
    const stop = new AbortController();
    const dies = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("PACK\0\0\0\u0002\0\0\0\u0001");
      stop.abort(new Error("enough"));
      yield new Uint8Array(1000);
    };
    const dying = { pack: dies(), shallow: [], async [Symbol.asyncDispose]() {} };
    await expect(clone.cache.keep(dying, { signal: stop.signal })).rejects.toThrow("enough");
    expect(await packFiles(clone)).toEqual([]);
    expect((await readdir(join(clone.directory, "objects"))).toSorted()).toEqual(["info", "pack"]);
  });

  it("tells that the disk is full, and leaves nothing of what did not fit", async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip("mounting a small disk takes root");
    const disk = join(clone.root, "disk");
    await mkdir(disk);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).status !== 0)
      ctx.skip("no disk can be mounted here");
    try {
      await using small = await createLazyClone("sha1", { directory: disk });
      await writeFile(join(small.origin, "noise"), randomBytes(2 << 20));
      const noise = await git(["hash-object", "-w", "noise"], { cwd: small.origin });
      await expect(small.objects.resolve(noise)).rejects.toMatchObject({ code: "STORAGE_IO" });
      expect((await readdir(join(small.directory, "objects"))).toSorted()).toEqual(["info", "pack"]);
      expect(await packFiles(small)).toEqual([]);
      const { type } = await small.objects.resolve(await small.oid("main:README"));
      expect(type).toBe("blob");
      expect((await small.tryGit(["fsck"])).status).toBe(0);
    } finally {
      spawnSync("umount", [disk]);
    }
  });

  it("may be killed at any moment", async () => {
    const [threads, child] = ["../../../scripts/typescript-threads.js", "../src/fetch-forever.ts"].map(
      (path) => fileURLToPath(new URL(path, import.meta.url)),
    ) as [string, string];
    // Where Node strips no types itself a start takes seconds.
    for (let round = 0; round < ("typescript" in process.features ? 6 : 2); round++) {
      const fetching = spawn(
        process.execPath,
        ["--conditions=@millrace/source", "--import", threads, child, clone.directory, clone.origin],
        { stdio: ["ignore", "pipe", "ignore"] },
      );
      await once(fetching.stdout, "data");
      await setTimeout(20 + Math.random() * 150);
      const closed = once(fetching, "close");
      fetching.kill("SIGKILL");
      await closed;
      expect(await clone.tryGit(["fsck", "--full"])).toMatchObject({ status: 0 });
      const files = await packFiles(clone);
      for (const name of files.filter((each) => each.endsWith(".idx"))) {
        for (const ending of ["pack", "rev", "promisor"])
          expect(files).toContain(name.replace(/idx$/, ending));
      }
      // Whatever git sees it can read to the last byte, with nobody's help.
      await clone.offline(async () => {
        const told = await clone.git(["cat-file", "--batch-all-objects", "--batch"]);
        expect(told).not.toContain("missing");
      });
    }
  });
});

describe("a repository elsewhere keeps what is fetched as well", () => {
  /** Reads through a cache that nobody has seen before, and again through another one over the same store. */
  async function readTwice(store: RepositoryStore): Promise<{ cache: StoreCache } & AsyncDisposable> {
    await using clone = await createLazyClone("sha1");
    const cache = openStoreCache(store, { consolidateAfter: Number.POSITIVE_INFINITY });
    const source = openRemoteSource(clone.remote);
    const objects = new SharedPromisor(await createPromisor(source), { store: cache });
    const tree = await openTree({ objects, refs: clone.remote }, "main");
    const blob = (await tree.stat("README")).oid;
    expect((await objects.resolve(blob)).type).toBe("blob");
    expect(await cache.missing([blob, tree.tree, tree.commit!])).toEqual([]);
    const again = openStoreCache(store);
    const nothing: ObjectSource = { ...source, fetchPack: () => Promise.resolve(undefined) };
    const late = new SharedPromisor(await createPromisor(nothing), { store: again });
    const reopened = await openTree({ objects: late }, tree.commit!);
    expect(Buffer.from(await reopened.readFile("README")).equals(await tree.readFile("README"))).toBe(true);
    await again[Symbol.asyncDispose]();
    return { cache, [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose]() };
  }

  it("in memory", async () => {
    await using read = await readTwice(await createMemoryStorage().create("cache"));
    expect((await read.cache.consolidate({ full: true })).removed.length).toBe(2);
  });

  it("in a bucket, where packs are not put together", async (ctx) => {
    const { name: bucket, endpoint } = await createBucket(await demandServer("store", ctx));
    await using scratch = await createScratch();
    const { region, accessKeyId, secretAccessKey } = endpoint;
    const credentials = { accessKeyId, secretAccessKey };
    const spoolFolder = join(scratch.path, "spool");
    await using storage = await openS3Storage({
      bucket,
      endpoint: endpoint.url,
      region,
      credentials,
      spoolFolder,
    });
    await using read = await readTwice(await storage.create("cache"));
    await expect(read.cache.consolidate()).rejects.toMatchObject({ code: "STORAGE_UNSUPPORTED" });
  });
});
