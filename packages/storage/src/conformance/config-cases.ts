import assert from "node:assert/strict";
import type { ConfigEntry } from "../schema.ts";
import { push, withSnapshot } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack } from "./tiny-pack.ts";

/** Keys of one meaning that alternate, values that need quoting, subsections of every kind. */
const ENTRIES: readonly ConfigEntry[] = [
  { key: "transfer.hiderefs", value: "refs/pull" },
  { key: "uploadpack.hiderefs", value: "!refs/pull/1" },
  { key: "transfer.hiderefs", value: "refs/pull/1/merge" },
  { key: "receive.hiderefs", value: "!refs/pull" },
  { key: "transfer.hiderefs", value: "" },
  { key: "receive.denydeletes", value: "true" },
  { key: 'a.Sub "quoted" \\ section.key', value: ' blanks, # marks; "quotes" and \\ back\tslashes \n' },
  { key: "a.Sub.key", value: "one" },
  { key: "a.sub.key", value: "two" },
  { key: "a.with.dots.key", value: "three" },
];

/** Settings, and the order of their lines. */
export const configCases: readonly ConformanceCase[] = [
  {
    name: "config: the settings a repository is made with, in their order, whatever their keys",
    needs: [],
    async run({ storage }) {
      const keys = new Set(ENTRIES.map(({ key }) => key));
      await storage.create("configured", { config: ENTRIES });
      await withSnapshot(await storage.open("configured"), async (view) => {
        const config = await view.config();
        assert.deepEqual(
          config.entries.filter(({ key }) => keys.has(key)).map(({ key, value }) => ({ key, value })),
          ENTRIES,
        );
        assert.deepEqual(config.get("transfer.hiderefs"), ["refs/pull", "refs/pull/1/merge", ""]);
        assert.deepEqual(config.get("a.Sub.key"), ["one"]);
        assert.equal(config.get("a.none"), undefined);
      });
    },
  },
  {
    name: "config: a repository that appears with its first commit has its settings before and after",
    needs: [],
    async run({ storage }) {
      const config = [{ key: "receive.denydeletes", value: "true" }];
      const store = await storage.create("later", { config, onFirstCommit: true });
      const read = async (from: typeof store): Promise<readonly string[] | undefined> =>
        withSnapshot(from, async (view) => (await view.config()).get("receive.denydeletes"));
      assert.deepEqual(await read(store), ["true"]);
      const pack = await makeTinyPack("later");
      await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
      assert.deepEqual(await read(await storage.open("later")), ["true"]);
    },
  },
  {
    name: "config: no setting is made of keys that are none",
    needs: [],
    async run({ storage }) {
      for (const key of ["", "a", "a.", ".b", "A.b", "a.B", "a.b c", "a b.c", "a.x\ny.b", "a.1"]) {
        await assert.rejects(storage.create("bad", { config: [{ key, value: "1" }] }), JSON.stringify(key));
      }
    },
  },
];
