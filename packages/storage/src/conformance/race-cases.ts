import assert from "node:assert/strict";
import { codesOf, collect, createFilled, packIds, push, refLines } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack } from "./tiny-pack.ts";

const WRITERS = Array.from({ length: 20 }, (_, index) => index);

/** Several writers at once, each with a store of its own as separate processes have. */
export const raceCases: readonly ConformanceCase[] = [
  {
    name: "race: twenty commits to different refs all succeed",
    needs: [],
    async run({ storage }) {
      await createFilled(storage, "different");
      const packs = await Promise.all(WRITERS.map((writer) => makeTinyPack(`different ${writer}`)));
      const results = await Promise.all(
        packs.map(async (pack, writer) =>
          push(await storage.open("different"), pack, {
            refs: [{ name: `refs/heads/w/${writer}`, old: null, new: pack.commit }],
          }),
        ),
      );
      for (const result of results) assert.deepEqual(codesOf(result), [undefined]);
      const store = await storage.open("different");
      assert.equal((await refLines(store, { prefixes: ["refs/heads/w/"] })).length, WRITERS.length);
      assert.equal((await packIds(store)).length, WRITERS.length + 1);
    },
  },
  {
    name: "race: of twenty commits to one ref exactly one wins",
    needs: [],
    async run({ storage }) {
      const { pack: base } = await createFilled(storage, "same");
      const packs = await Promise.all(WRITERS.map((writer) => makeTinyPack(`same ${writer}`)));
      for (const old of [base.commit, null]) {
        const name = old === null ? "refs/heads/fresh" : "refs/heads/main";
        const results = await Promise.all(
          packs.map(async ({ commit }) =>
            (await storage.open("same")).commit({ refs: [{ name, old, new: commit }] }),
          ),
        );
        const winners = results.flatMap((result, index) => (codesOf(result)[0] === undefined ? [index] : []));
        assert.equal(winners.length, 1);
        for (const code of results.flatMap(codesOf))
          assert.ok(code === undefined || code === "REF_CONFLICT", code);
        const lines = await refLines(await storage.open("same"), { prefixes: [name] });
        assert.deepEqual(lines, [`${name} ${packs[winners[0] as number]?.commit}`]);
      }
    },
  },
  {
    name: "race: commits that each retry on conflict all get their turn",
    needs: [],
    async run({ storage }) {
      const { pack: base } = await createFilled(storage, "turns");
      const next = new Map<string, string>();
      await Promise.all(
        WRITERS.slice(0, 8).map(async (writer) => {
          const { commit } = await makeTinyPack(`turns ${writer}`);
          const store = await storage.open("turns");
          for (;;) {
            const [line] = await refLines(store);
            const old = line?.split(" ")[1] as string;
            const result = await store.commit({ refs: [{ name: "refs/heads/main", old, new: commit }] });
            if (codesOf(result)[0] !== undefined) continue;
            assert.ok(!next.has(old));
            next.set(old, commit);
            return;
          }
        }),
      );
      let length = 0;
      for (let at: string | undefined = base.commit; next.has(at as string); at = next.get(at as string))
        length++;
      assert.equal(length, 8);
    },
  },
  {
    name: "race: creating and deleting refs that share directories",
    needs: ["refDeletion"],
    async run({ storage }) {
      const { pack } = await createFilled(storage, "directories");
      await Promise.all(
        WRITERS.slice(0, 8).map(async (writer) => {
          const store = await storage.open("directories");
          const name = `refs/heads/deep/er/${writer}`;
          for (let round = 0; round < 10; round++) {
            const made = await store.commit({ refs: [{ name, old: null, new: pack.commit }] });
            assert.deepEqual(codesOf(made), [undefined], made.refs[0]?.message);
            const gone = await store.commit({ refs: [{ name, old: pack.commit, new: null }] });
            assert.deepEqual(codesOf(gone), [undefined], gone.refs[0]?.message);
          }
        }),
      );
      assert.equal((await refLines(await storage.open("directories"))).length, 1);
    },
  },
  {
    name: "race: of a and a/b at once one wins",
    needs: [],
    async run({ storage }) {
      const { pack } = await createFilled(storage, "either");
      for (let round = 0; round < 10; round++) {
        const names = [`refs/heads/r${round}`, `refs/heads/r${round}/x`];
        const results = await Promise.all(
          names.map(async (name) =>
            (await storage.open("either")).commit({
              refs: [{ name, old: null, new: pack.commit }],
              atomic: true,
            }),
          ),
        );
        const codes = results.flatMap(codesOf);
        assert.deepEqual(
          codes.filter((code) => code !== undefined),
          ["REF_DIRECTORY_CONFLICT"],
        );
      }
      assert.equal((await refLines(await storage.open("either"))).length, 11);
    },
  },
  {
    name: "race: a reader never sees half of an atomic commit",
    needs: ["atomicRefs", "consistentSnapshot"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "half", ["refs/heads/a", "refs/heads/b"]);
      const ids = [pack.commit, (await makeTinyPack("half 2")).commit];
      let done = false;
      const writer = (async () => {
        for (let round = 0; round < 20; round++) {
          const next = ids[round % 2 === 0 ? 1 : 0] as string;
          await store.commit({
            atomic: true,
            refs: ["a", "b"].map((leaf) => ({ name: `refs/heads/${leaf}`, new: next })),
          });
        }
        done = true;
      })();
      const reader = await storage.open("half");
      do {
        const view = await reader.snapshot();
        const refs = await collect(view.refs());
        assert.equal(refs[0]?.oid, refs[1]?.oid);
        await view[Symbol.asyncDispose]();
      } while (!done);
      await writer;
    },
  },
];
