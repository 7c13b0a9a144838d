import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSync } from "@millrace/git-lab";
import { afterAll, beforeAll, expect, it } from "vitest";
import { formatObjectFilter, parseObjectFilter } from "../../src/index.ts";

const environment = {
  PATH: process.env["PATH"],
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
};

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-filter-"));
  runSync("git", ["init", "-q", directory], { env: environment });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What git has against a filter; `undefined` where it takes it. */
function refusedByGit(text: string): string | undefined {
  const args = ["rev-list", "--objects", "--all", `--filter=${text}`];
  const result = runSync("git", args, { cwd: directory, env: environment });
  return result.status === 0 ? undefined : result.stderr.toString().replace(/^fatal: |\n$/g, "");
}

function refused(text: string): string | undefined {
  try {
    parseObjectFilter(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

it.each([
  "blob:none",
  "blob:none ",
  "blob:limit",
  "blob:limit=",
  "blob:limit=1k",
  "blob:limit=1G",
  "blob:limit=0x10",
  "blob:limit=0x",
  "blob:limit=010",
  "blob:limit=08",
  "blob:limit= 5",
  "blob:limit=5 ",
  "blob:limit=+5",
  "blob:limit=-1",
  "blob:limit=1kk",
  "blob:limit=18446744073709551615",
  "blob:limit=18446744073709551616",
  "blob:limit=17179869184g",
  "tree:",
  "tree:0",
  "tree:x",
  "tree:-1",
  "tree:1k",
  "object:type=blob",
  "object:type=tag",
  "object:type=",
  "object:type=blobs",
  "sparse:path=x",
  "combine:",
  "combine:+",
  "combine:++",
  "combine:blob:none+",
  "combine:+blob:none",
  "combine:blob:none++tree:1",
  "combine:blob:none+tree:1",
  "combine:blob%3Anone+tree%3a1",
  "combine:combine:blob%3anone%2btree:1",
  "combine:combine:combine:blob:none",
  "combine:tree%3",
  "combine:tree:%zz",
  "combine:tree:1%00",
  "combine:tree:1 ",
  "combine:a;b",
  "combine:blob:none+sparse:path=x",
  "",
  "nothing",
])("agrees with git on '%s'", (text) => {
  expect(refused(text)).toBe(refusedByGit(text));
});

it("writes what git reads", () => {
  for (const text of ["blob:limit=7k", "combine:tree:2+combine:blob:none%2bobject:type=blob"]) {
    expect(refusedByGit(formatObjectFilter(parseObjectFilter(text)))).toBeUndefined();
  }
});
