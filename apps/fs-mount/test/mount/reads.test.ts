import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FetchedPack, ObjectSource } from "@millrace/promisor";
import { beforeAll, describe, expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { git } from "../support/repository.ts";

const lab = useLab();
const FOLDERS = 40;
const FILES = 15;
let origin: string;

beforeAll(() => {
  origin = lab.keep(mkdtempSync(join(tmpdir(), "millrace-origin-")));
  git(origin, ["init", "-q", "-b", "main", "."]);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"])
    git(origin, ["config", key, "true"]);
  for (let i = 0; i < FOLDERS * FILES; i++) {
    write(
      `src/part-${i % 4}/module-${i % FOLDERS}/file-${i}.ts`,
      `export const value${i} = ${i};\n`.repeat(20),
    );
  }
  // No difference to each other is small, so that each comes whole.
  for (const name of ["a", "b"]) {
    const lines = Array.from({ length: 200_000 }, (_, i) => `${name}${(i * 2654435761) % 4294967296}\n`);
    write(`large/${name}.txt`, lines.join(""));
  }
  git(origin, ["add", "."]);
  git(origin, ["commit", "-q", "-m", "many files"]);
});

function write(path: string, content: string): void {
  mkdirSync(dirname(join(origin, path)), { recursive: true });
  writeFileSync(join(origin, path), content);
}

/** Bytes of all files below a folder. */
function bytesIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

describe("requests of a mount", () => {
  test("listing all of it costs those that have brought the trees", async () => {
    const { directory, requests } = await lab.mountRepository(origin, { withHistory: false });
    const listed = await run("ls", ["-R"], { cwd: directory });
    expect(listed.match(/file-\d+\.ts/g)).toHaveLength(FOLDERS * FILES);
    await run("find", [".", "-type", "f"], { cwd: directory });
    // The root, and all others.
    expect(requests).toHaveLength(2);
  });

  test("searching all of it costs a few, whatever the number of directories, and no file comes twice", async () => {
    const { directory, requests } = await lab.mountRepository(origin, { withHistory: false });
    const found = await run("grep", ["-rl", "--exclude-dir=large", "value", "."], { cwd: directory });
    expect(found.trim().split("\n")).toHaveLength(FOLDERS * FILES);
    const fetched = requests.slice(1).flat();
    expect(new Set(fetched).size).toBe(fetched.length);
    expect(requests.length).toBeLessThanOrEqual(14);
    const before = requests.length;
    await run("grep", ["-rl", "--exclude-dir=large", "value", "."], { cwd: directory });
    expect(requests.length).toBe(before);
  });

  test("sizes that were learnt are known after a restart", async () => {
    const folders = { stateFolder: lab.folder(), cacheFolder: lab.folder(), withHistory: false };
    const first = await lab.mountRepository(origin, folders);
    const list = ["-c", "ls -lR src | grep -c 'file-'"];
    await run("sh", list, { cwd: first.directory });
    await first.mounted.unmount();
    // Whatever the cache had is gone.
    const again = await lab.mountRepository(origin, { ...folders, cacheFolder: lab.folder() });
    expect((await run("sh", list, { cwd: again.directory })).trim()).toBe(`${FOLDERS * FILES}`);
    expect(again.requests).toEqual([]);
  });
});

describe("a large file", () => {
  test("is read while it arrives, and whole in the end", async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isHeld = false;
    const { directory } = await lab.mountRepository(origin, {
      withHistory: false,
      through: (source): ObjectSource => ({
        ...source,
        fetchPack: async (wants, options) => {
          const fetched = await source.fetchPack!(wants, options);
          return isHeld && fetched !== undefined ? heldUp(fetched, gate) : fetched;
        },
      }),
    });
    isHeld = true;
    const whole = run("sha1sum", ["large/a.txt"], { cwd: directory });
    // Its beginning is there, its end is not.
    expect(await run("head", ["-c", "2", "large/a.txt"], { cwd: directory })).toBe("a0");
    release();
    const native = await run("sha1sum", ["large/a.txt"], { cwd: origin });
    expect(await whole).toBe(native);
  });

  test("that is larger than the whole cache is read, and does not stay", async () => {
    const cacheFolder = lab.folder();
    const { directory } = await lab.mountRepository(origin, {
      withHistory: false,
      cacheFolder,
      cacheBytes: 1 << 20,
    });
    for (let i = 0; i < 2; i++) {
      expect(await run("sha1sum", ["large/b.txt"], { cwd: directory })).toBe(
        await run("sha1sum", ["large/b.txt"], { cwd: origin }),
      );
    }
    await expect.poll(() => bytesIn(cacheFolder)).toBeLessThanOrEqual(1 << 20);
  });
});

describe("faults", () => {
  test("a full disk of the cache: older files make room; what has none fails alone", async (context) => {
    const disk = lab.folder();
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
    if (status !== 0) context.skip(`a small disk cannot be mounted: ${stderr.toString().trim()}`);
    try {
      const { directory, faults, mounted } = await lab.mountRepository(origin, {
        withHistory: false,
        cacheFolder: join(disk, "blobs"),
      });
      const found = await run("grep", ["-rl", "value", "src"], { cwd: directory });
      expect(found.trim().split("\n")).toHaveLength(FOLDERS * FILES);
      await expect(run("cat", ["large/a.txt"], { cwd: directory })).rejects.toThrow(/No space|Input\/output/);
      expect(faults).toContainEqual(expect.objectContaining({ code: "MOUNT_CACHE_FULL" }));
      expect(await run("cat", ["src/part-0/module-0/file-0.ts"], { cwd: directory })).toContain("value0 ");
      await mounted.unmount();
    } finally {
      spawnSync("umount", ["-l", disk]);
    }
  });
});

/** A pack whose second half waits. */
function heldUp(fetched: FetchedPack, gate: Promise<void>): FetchedPack {
  return {
    ...fetched,
    pack: (async function* () {
      const chunks: Uint8Array[] = [];
      for await (const chunk of fetched.pack) chunks.push(chunk.slice());
      const whole = Buffer.concat(chunks);
      yield whole.subarray(0, whole.length >> 1);
      await gate;
      yield whole.subarray(whole.length >> 1);
    })(),
    [Symbol.asyncDispose]: () => fetched[Symbol.asyncDispose](),
  };
}
