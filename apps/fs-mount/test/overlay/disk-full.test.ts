import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { ROOT } from "../../src/overlay/overlay-store.ts";
import { BASE } from "./operations.ts";
import { BaseObjects, OverlayFiles } from "./overlay-files.ts";

/** Runs a test on a disk of a few MiB. */
async function onSmallDisk(ctx: TestContext, run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "overlay-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "overlay-test", folder], { stdio: "ignore" });
  } catch {
    rmSync(folder, { recursive: true });
    ctx.skip("a small disk is mounted for it, as root");
    return;
  }
  try {
    await run(join(folder, "state"));
  } finally {
    execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true });
  }
}

test("a full disk refuses what it has no room for, leaves nothing half done, and goes on when there is room", async (ctx) => {
  await onSmallDisk(ctx, async (folder) => {
    const objects = new BaseObjects();
    const tree = objects.add(BASE);
    let files = new OverlayFiles(folder, objects, tree);
    const { store } = files;
    const chunk = Buffer.alloc(100_000, "x");
    const big = store.make(ROOT, "big", { mode: 0o100644 }).id;
    let written = 0;
    let refused: string | undefined;
    while (refused === undefined && written < 10_000_000) {
      try {
        written += store.contents.write(big, written, chunk);
      } catch (error) {
        refused = (error as NodeJS.ErrnoException).code;
      }
    }
    expect(refused).toBe("ENOSPC");
    expect(store.node(big)?.sizeBytes).toBe(written);
    // The journal fills what is left, and then refuses, too.
    let made = 0;
    let state = await files.dump();
    for (; made < 100_000; made++) {
      state = await files.dump();
      const code = await files.run({ kind: "symlink", path: [`link${made}`], target: "t".repeat(4000) });
      if (code !== "ok") {
        expect(code).toBe("ENOSPC");
        break;
      }
    }
    expect(await files.dump()).toEqual(state);
    for (const operation of [
      { kind: "write", path: ["b"], offset: 3, data: "y".repeat(9000) },
      { kind: "symlink", path: ["another"], target: "t".repeat(4000) },
      { kind: "setxattr", path: ["b"], value: "v".repeat(9000), flags: 0 },
    ] as const)
      expect(await files.run(operation)).toBe("ENOSPC");
    expect(await files.dump()).toEqual(state);
    // A file that goes makes room at once, though its row may have to be synced first.
    store.unlink(ROOT, "big");
    expect(await files.run({ kind: "write", path: ["b"], offset: 3, data: "y".repeat(9000) })).toBe("ok");
    const expected = await files.dump();
    await store.close();
    files = new OverlayFiles(folder, objects, tree);
    expect(await files.dump()).toEqual(expected);
    await files.store.close();
  });
});
