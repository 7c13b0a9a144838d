import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { makeRepository } from "../support/repository.ts";

const MATRIX = fileURLToPath(new URL("../../../../packages/fuse/test/mount/matrix.py", import.meta.url));
/** What the README's limits name: holes are not told, nothing is set aside in advance, reading changes no access time. */
const LIMITS = /^\["(?:SEEK_DATA, SEEK_HOLE|fallocate .*|read: atime of a fresh file)"/;
const lab = useLab();

test("every operation in a mount that can be written ends as in a native folder", async () => {
  const matrix = async (directory: string): Promise<string[]> =>
    (await run("python3", [MATRIX, directory, "--no-directory-links"], { timeoutMs: 200_000 }))
      .trim()
      .split("\n");
  const native = await matrix(lab.folder());
  const { directory, mount } = await lab.mountView(lab.keep(makeRepository()), undefined, {
    overlayFolder: lab.folder(),
    allowOther: true,
    trusted: true,
  });
  await run("mkdir", [`${directory}/matrix`]);
  const mounted = await matrix(`${directory}/matrix`);
  const compared = (lines: string[]): string[] => lines.filter((line) => !LIMITS.test(line));
  expect(compared(native).length).toBeGreaterThan(480);
  expect(compared(mounted)).toEqual(compared(native));
  expect(mounted.some((line) => /^\["fallocate .*"ENOTSUP"\]$/.test(line))).toBe(true);
  await mount.unmount();
});
