import { randomFillSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mount } from "@millrace/fuse";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { Lab, run, whyNot } from "./lab.ts";

const lab = new Lab();
const reason = whyNot();
const module = new URL("native-file-system.ts", import.meta.url);

afterAll(async () => await lab.end());

async function open(
  ctx: TestContext,
  passthrough = true,
  blockingReads = false,
): Promise<{ mounted: Mount; folder: string; counts(): Promise<string> }> {
  if (reason !== undefined) ctx.skip(reason);
  const folder = lab.folder();
  writeFileSync(join(folder, "file"), randomFillSync(Buffer.alloc(5_000_123)));
  writeFileSync(join(folder, "file.new"), "new\n");
  const mounted = await lab.mount({ module, data: { folder, passthrough }, blockingReads });
  if (passthrough && !mounted.passthrough) {
    ctx.skip("this kernel cannot let opens through to native files (Linux 6.9): PASSTHROUGH IS NOT TESTED");
  }
  return {
    mounted,
    folder,
    counts: async () => (await run("cat", [join(mounted.directory, ".counts")])).trim(),
  };
}

/** Lines of Python that run in the mount; `f` is its file. */
async function python(directory: string, ...lines: string[]): Promise<string> {
  const head = [
    "import mmap, os",
    "def switch(name): os.path.exists(name)",
    "f = os.open('file', os.O_RDWR)",
  ];
  return (await run("python3", ["-I", "-c", [...head, ...lines].join("\n")], { cwd: directory })).trim();
}

describe.each([false, true])("with blocking reads: %s", (blockingReads) => {
  it("reads, mappings and writes go to the native file, and none comes to us", async (ctx) => {
    const { mounted, folder, counts } = await open(ctx, true, blockingReads);
    const [through, native] = [join(mounted.directory, "file"), join(folder, "file")];
    await run("cmp", [through, native]);
    const said = await python(
      mounted.directory,
      "m = mmap.mmap(f, 0)",
      "m[4096:4100] = b'map!'; m.flush()",
      "os.pwrite(f, b'write', 1000000); os.fsync(f)",
      "print(m[1000000:1000005] + m[4096:4100])",
      "a = os.open('file', os.O_WRONLY | os.O_APPEND); os.write(a, b'end')",
      "print(os.fstat(f).st_size, os.stat('file').st_size)",
      "os.ftruncate(f, 2000000); print(os.fstat(f).st_size)",
    );
    expect(said).toBe("b'writemap!'\n5000126 5000126\n2000000");
    await run("cmp", [through, native]);
    const bytes = readFileSync(native);
    expect([bytes.length, bytes.toString("latin1", 4096, 4100)]).toEqual([2_000_000, "map!"]);
    // A file that is made goes the same way.
    await run("cp", [native, join(mounted.directory, "made")]);
    await run("cmp", [native, join(folder, "made")]);
    expect(await counts()).toBe("0 0");
    await mounted.unmount();
  });
});

it("a file system that does not ask for it, has it not, with the same bytes", async (ctx) => {
  const { mounted, folder, counts } = await open(ctx, false);
  expect(mounted.passthrough).toBe(false);
  await run("cmp", [join(mounted.directory, "file"), join(folder, "file")]);
  expect(await counts()).not.toMatch(/^0 /);
});

describe("a node is open in one way only, whatever the file system says", () => {
  it("cached first: whoever comes reads the cache, until the last one has left", async (ctx) => {
    const { mounted, counts } = await open(ctx);
    await python(
      mounted.directory,
      "os.close(f); switch('.plain-next'); f = os.open('file', os.O_RDWR); cached = os.pread(f, 4096, 0)",
      "g = os.open('file', os.O_RDWR); assert os.pread(g, 4096, 0) == cached",
      "os.pwrite(g, b'changed', 0); assert os.pread(f, 7, 0) == b'changed'",
      "assert mmap.mmap(f, 0)[0:7] == b'changed'",
    );
    const before = await counts();
    expect(before).not.toMatch(/^0 /);
    await python(mounted.directory, "assert os.pread(f, 7, 0) == b'changed'");
    expect(await counts()).toBe(before);
  });

  it("passthrough first: who is told of no file, or of another one, reads and writes what the file system has", async (ctx) => {
    const { mounted, folder, counts } = await open(ctx);
    const said = await python(
      mounted.directory,
      "first = os.pread(f, 8, 0)",
      "switch('.plain-next'); g = os.open('file', os.O_RDWR); assert os.pread(g, 8, 0) == first",
      "os.pwrite(g, b'by us', 0); assert os.pread(f, 5, 0) == b'by us'",
      "switch('.other-next'); h = os.open('file', os.O_RDWR); print(os.pread(h, 4, 0))",
      "i = os.open('file', os.O_RDONLY); print(os.pread(i, 5, 0))",
    );
    expect(said).toBe("b'new\\n'\nb'by us'");
    expect(await counts()).toBe("2 1");
    expect(readFileSync(join(folder, "file")).toString("latin1", 0, 5)).toBe("by us");
  });

  it("pages that were cached before are not shown again once the file was written to past the cache", async (ctx) => {
    const { mounted } = await open(ctx);
    await python(
      mounted.directory,
      "os.close(f); switch('.plain-next'); f = os.open('file', os.O_RDWR); os.pread(f, 4096, 0); os.close(f)",
      "f = os.open('file', os.O_RDWR); os.pwrite(f, b'fresh', 0); os.close(f)",
      "switch('.plain-next'); f = os.open('file', os.O_RDWR); assert os.pread(f, 5, 0) == b'fresh', os.pread(f, 5, 0)",
    );
  });

  it("many open and close at once, told of a file or not, and nobody gets an error", async (ctx) => {
    const { mounted } = await open(ctx);
    const loop = [
      "import random, sys",
      "random.seed(int(os.environ['SEED']))",
      "for _ in range(400):",
      "    if random.random() < 0.5: switch('.plain-next')",
      "    g = os.open('file', random.choice([os.O_RDONLY, os.O_RDWR]))",
      "    assert len(os.pread(g, 4096, random.randrange(1000) * 4096)) == 4096",
      "    if random.random() < 0.3: mmap.mmap(g, 4096, prot=mmap.PROT_READ)[0]",
      "    os.close(g)",
    ];
    const head = ["import mmap, os", "def switch(name): os.path.exists(name)"];
    await Promise.all(
      ["1", "2", "3", "4"].map(
        async (SEED) =>
          await run("python3", ["-I", "-c", [...head, ...loop].join("\n")], {
            cwd: mounted.directory,
            env: { SEED },
          }),
      ),
    );
    await mounted.unmount();
  });
});
