import assert from "node:assert/strict";
import { collect, rejectsWith } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";

const BAD_NAMES = [
  "",
  "/a",
  "a/",
  "a//b",
  "..",
  "../a",
  "a/../b",
  "a/..",
  ".",
  "a/./b",
  "a\0b",
  "a\nb",
  "a.lock",
  "a.lock/b",
];
const GOOD_NAMES = [
  "plain",
  "team/project.git",
  "a/b/c/d",
  "with space",
  "ünïcode/名前",
  "dots.in.name",
  "-dash",
  "a~b",
];

/** Names of repositories. */
export const namingCases: readonly ConformanceCase[] = [
  {
    name: "names: unsafe names are refused by every operation",
    needs: [],
    async run({ storage }) {
      for (const name of BAD_NAMES) {
        await rejectsWith("STORAGE_BAD_NAME", () => storage.open(name));
        await rejectsWith("STORAGE_BAD_NAME", () => storage.create(name));
        await rejectsWith("STORAGE_BAD_NAME", () => storage.remove(name));
      }
      assert.deepEqual(await collect(storage.list()), []);
    },
  },
  {
    name: "names: names of several parts, with blanks and beyond ASCII can be made, opened, listed and removed",
    needs: [],
    async run({ storage }) {
      for (const name of GOOD_NAMES) {
        const made = await storage.create(name);
        assert.equal(made.name, name);
        await made[Symbol.asyncDispose]();
        const opened = await storage.open(name);
        assert.equal(opened.name, name);
        await opened[Symbol.asyncDispose]();
      }
      assert.deepEqual(new Set(await collect(storage.list())), new Set(GOOD_NAMES));
      for (const name of GOOD_NAMES) await storage.remove(name);
      assert.deepEqual(await collect(storage.list()), []);
    },
  },
];
