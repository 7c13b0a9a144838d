import { afterAll, beforeAll, expect, it } from "vitest";
import { beside, Lab, run, whyNot } from "./lab.ts";

const lab = new Lab();
const reason = whyNot();
let mounted: string[] = [];
let native: string[] = [];

/** The folder that the mount is compared with is of the same machine's own file system. */
beforeAll(async () => {
  if (reason !== undefined) return;
  const matrix = async (directory: string): Promise<string[]> =>
    (await run("python3", [beside("matrix.py"), directory])).trim().split("\n");
  native = await matrix(lab.folder());
  mounted = await matrix((await lab.mount()).directory);
});

afterAll(async () => await lab.end());

it("every operation ends as in a native folder", (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  expect(native.length).toBeGreaterThan(500);
  expect(mounted).toEqual(native);
});

it("an errno of every kind was among them", (ctx) => {
  if (reason !== undefined) ctx.skip(reason);
  const outcomes = mounted.join(" ");
  for (const errno of [
    "EACCES",
    "EBADF",
    "EEXIST",
    "EFBIG",
    "EINVAL",
    "EISDIR",
    "ELOOP",
    "ENAMETOOLONG",
    "ENODATA",
    "ENOENT",
    "ENOTDIR",
    "ENOTEMPTY",
    "ENXIO",
    "EPERM",
    "ERANGE",
  ]) {
    expect(outcomes).toContain(`"${errno}"`);
  }
});
