import { mkdirSync, mkdtempSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSync } from "@millrace/git-lab";
import { createPromisor, type ObjectSource, openRemoteSource, SharedPromisor } from "@millrace/promisor";
import { openDirectoryTransport, openRemote } from "@millrace/protocol-v2/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBlobCache } from "../../src/cache/blob-cache.ts";
import { Hydrator } from "../../src/hydrator/hydrator.ts";
import { openPromisorSource } from "../../src/hydrator/promisor-source.ts";

describe.each(["sha1", "sha256"] as const)("files of a real repository, %s", (format) => {
  const root = mkdtempSync(join(tmpdir(), "millrace-hydrator-"));
  const lent = join(root, "lent");
  const git = (...args: string[]): Buffer => {
    const { status, stdout, stderr } = runSync("git", args, { cwd: lent });
    if (status !== 0) throw new Error(stderr.toString());
    return stdout;
  };
  const contents = new Map<string, Buffer>(
    Array.from({ length: 300 }, (_, i) => [`file-${i}.txt`, Buffer.from(`${i}\n`.repeat(i))] as const),
  );
  contents.set("large.bin", Buffer.alloc(3 << 20, "large"));
  const files = new Map<string, string>();
  const sizes = new Map<string, number>();

  beforeAll(() => {
    mkdirSync(lent);
    git("init", "-q", "-b", "main", `--object-format=${format}`);
    for (const [name, content] of contents) writeFileSync(join(lent, name), content);
    git("add", ".");
    git("-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "files");
    git("config", "uploadpack.allowFilter", "true");
    git("config", "uploadpack.allowAnySHA1InWant", "true");
    for (const line of git("ls-tree", "-r", "-l", "main").toString().trim().split("\n")) {
      const [, oid = "", size, name = ""] = /^\d+ blob (\w+) +(\d+)\t(.*)$/.exec(line) ?? [];
      files.set(name, oid);
      sizes.set(oid, Number(size));
    }
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  async function open(
    cacheFolder: string,
    tellsSizes = true,
  ): Promise<AsyncDisposable & { readonly hydrator: Hydrator; readonly requests: number[] }> {
    const remote = openRemote(openDirectoryTransport(lent));
    const source = openRemoteSource(remote);
    const requests: number[] = [];
    const counting: ObjectSource = {
      ...source,
      sizes: tellsSizes ? source.sizes : undefined,
      fetch: (wants, options) => {
        requests.push(wants.length);
        return source.fetch(wants, options);
      },
    };
    const objects = new SharedPromisor(await createPromisor(counting), { maxCacheBytes: 1 << 20 });
    const cache = await openBlobCache({ folder: join(root, cacheFolder) });
    const hydrator = new Hydrator({ cache, source: openPromisorSource(objects) });
    return {
      hydrator,
      requests,
      async [Symbol.asyncDispose]() {
        await hydrator.stop();
        await remote[Symbol.asyncDispose]();
      },
    };
  }

  it("come in one request for a directory, and are what git says", async () => {
    await using scene = await open("cache");
    const { hydrator, requests } = scene;
    await Promise.all(
      [...files].map(async ([name, oid]) => {
        using blob = await hydrator.open(oid);
        const content = Buffer.alloc(blob.sizeBytes);
        readSync(blob.fd, content, 0, content.length, 0);
        expect(content.equals(contents.get(name)!)).toBe(true);
      }),
    );
    expect(requests).toEqual([301]);
    // Another mount on the same cache asks for nothing.
    await using other = await open("cache");
    await Promise.all([...files.values()].map((oid) => other.hydrator.hydrate(oid)));
    expect(other.requests).toEqual([]);
  });

  it("are fetched ahead, as many as may be, in one request", async () => {
    await using scene = await open("ahead");
    scene.hydrator.prefetch([...files].map(([name, oid]) => ({ name, oid })));
    await scene.hydrator.idle();
    expect(scene.requests).toEqual([256]);
  });

  it.each([true, false])("have their sizes told, with object-info: %s", async (isTold) => {
    git("config", "transfer.advertiseObjectInfo", "true");
    await using scene = await open(`sizes-${isTold}`, isTold);
    expect(await scene.hydrator.sizeOf([...files.values()])).toEqual(sizes);
    expect(scene.requests).toEqual(isTold ? [] : [301]);
  });

  it("that the repository does not have keep no others away", async () => {
    await using scene = await open("missing");
    const absent = "1".repeat(format === "sha1" ? 40 : 64);
    const reads = [absent, files.get("file-7.txt")!].map((oid) =>
      scene.hydrator.hydrate(oid).catch((error: unknown) => (error as { readonly code?: unknown }).code),
    );
    expect(await Promise.all(reads)).toEqual(["MOUNT_BLOB_MISSING", 14]);
  });
});
