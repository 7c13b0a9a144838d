import assert from "node:assert/strict";
import { codesOf, createFilled, packIds, push, refLines, rejectsWith, withSnapshot } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack, unknownOid } from "./tiny-pack.ts";

const OTHER = unknownOid("sha1");

/** Moving refs. */
export const commitCases: readonly ConformanceCase[] = [
  {
    name: "commit: the old id must be what the ref is, absent, or anything",
    needs: ["refDeletion"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "cas");
      const a = pack.commit;
      const b = (await makeTinyPack("b")).commit;
      const name = "refs/heads/main";
      const move = async (
        old: string | null | undefined,
        next: string | null,
      ): Promise<string | undefined> => {
        const result = await store.commit({ refs: [{ name, old, new: next }] });
        assert.equal(result.committed, codesOf(result)[0] === undefined);
        return codesOf(result)[0];
      };
      assert.equal(await move(b, b), "REF_CONFLICT");
      assert.equal(await move(null, b), "REF_CONFLICT");
      assert.deepEqual(await refLines(store), [`${name} ${a}`]);
      assert.equal(await move(a, b), undefined);
      assert.deepEqual(await refLines(store), [`${name} ${b}`]);
      assert.equal(await move(undefined, a), undefined);
      assert.equal(await move(a, a), undefined);
      assert.deepEqual(await refLines(store), [`${name} ${a}`]);
      assert.equal(await move(b, null), "REF_CONFLICT");
      assert.equal(await move(a, null), undefined);
      assert.deepEqual(await refLines(store), []);
      assert.equal(await move(a, b), "REF_CONFLICT");
      assert.equal(await move(null, b), undefined);
      assert.equal(await move(undefined, null), undefined);
      assert.deepEqual(await refLines(store), []);
    },
  },
  {
    name: "commit: deleting what is not there is no refusal, and no change",
    needs: [],
    async run({ storage }) {
      const { store } = await createFilled(storage, "absent");
      for (const old of [null, undefined]) {
        const result = await store.commit({ refs: [{ name: "refs/heads/none/deep", old, new: null }] });
        assert.deepEqual([codesOf(result), result.committed], [[undefined], false]);
      }
      // `main` is a ref, so there is nothing below it.
      const below = await store.commit({ refs: [{ name: "refs/heads/main/below", old: null, new: null }] });
      assert.deepEqual(codesOf(below), [undefined]);
      const wrong = await store.commit({ refs: [{ name: "refs/heads/main/below", old: OTHER, new: null }] });
      assert.deepEqual(codesOf(wrong), ["REF_CONFLICT"]);
    },
  },
  {
    name: "commit: names that git refuses are refused, and only they",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "names", ["refs/heads/main"]);
      const bad = [
        "HEAD",
        "refs",
        "main",
        "refs/heads/a..b",
        "refs/heads/x.lock",
        "refs/heads/",
        "refs//x",
        "refs/heads/.x",
        "refs/a b",
        "refs/heads/@{",
        "../x",
        "refs/heads/../../x",
      ];
      const refs = ["refs/heads/good", ...bad].map((name) => ({ name, new: pack.commit }));
      const result = await store.commit({ refs });
      assert.deepEqual(codesOf(result), [undefined, ...bad.map(() => "REF_NAME_INVALID")]);
      assert.deepEqual(
        result.refs.slice(1).map((refusal) => refusal?.name),
        bad,
      );
      assert.equal((await refLines(store)).length, 2);
    },
  },
  {
    name: "commit: a ref asked for twice is refused twice",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "double");
      const refs = ["a", "b", "a"].map((leaf) => ({ name: `refs/heads/${leaf}`, new: pack.commit }));
      assert.deepEqual(codesOf(await store.commit({ refs })), ["REF_CONFLICT", undefined, "REF_CONFLICT"]);
      assert.equal((await refLines(store)).length, 2);
    },
  },
  {
    name: "commit: a and a/b cannot both exist",
    needs: ["refDeletion"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "df", ["refs/heads/a", "refs/heads/b/c/d"]);
      const create = async (name: string): Promise<string | undefined> =>
        codesOf(await store.commit({ refs: [{ name, old: null, new: pack.commit }] }))[0];
      for (const name of [
        "refs/heads/a/b",
        "refs/heads/a/b/c",
        "refs/heads/b",
        "refs/heads/b/c",
        "refs/heads/b/c/d/e",
      ]) {
        assert.equal(await create(name), "REF_DIRECTORY_CONFLICT", name);
      }
      assert.equal(await create("refs/heads/b/c/e"), undefined);
      assert.equal((await refLines(store)).length, 3);
      // When what stands in the way is gone, both ways round.
      await store.commit({ refs: [{ name: "refs/heads/a", new: null }] });
      assert.equal(await create("refs/heads/a/b/c"), undefined);
      await store.commit({ refs: ["d", "e"].map((leaf) => ({ name: `refs/heads/b/c/${leaf}`, new: null })) });
      assert.equal(await create("refs/heads/b"), undefined);
      assert.deepEqual(
        (await refLines(store)).map((line) => line.split(" ")[0]),
        ["refs/heads/a/b/c", "refs/heads/b"],
      );
    },
  },
  {
    name: "commit: without atomic, each ref stands alone and in order",
    needs: ["refDeletion"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "alone", ["refs/heads/main", "refs/heads/a"]);
      const next = await makeTinyPack("alone 2");
      const result = await push(store, next, {
        refs: [
          { name: "refs/heads/main", old: pack.commit, new: next.commit },
          { name: "refs/heads/wrong", old: OTHER, new: next.commit },
          { name: "refs/heads/bad..name", new: next.commit },
          { name: "refs/heads/new", old: null, new: next.commit },
          { name: "refs/heads/a", old: pack.commit, new: null },
          { name: "refs/heads/a/b", old: null, new: next.commit },
        ],
      });
      const expected = [undefined, "REF_CONFLICT", "REF_NAME_INVALID", undefined, undefined, undefined];
      assert.deepEqual([codesOf(result), result.committed], [expected, true]);
      assert.deepEqual(await refLines(store), [
        `refs/heads/a/b ${next.commit}`,
        `refs/heads/main ${next.commit}`,
        `refs/heads/new ${next.commit}`,
      ]);
    },
  },
  {
    name: "commit: atomic is all",
    needs: ["refDeletion"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "all", ["refs/heads/main", "refs/heads/gone"]);
      const next = await makeTinyPack("all 2");
      const result = await push(store, next, {
        atomic: true,
        refs: [
          { name: "refs/heads/main", old: pack.commit, new: next.commit },
          { name: "refs/heads/new", old: null, new: next.commit },
          { name: "refs/heads/gone", old: pack.commit, new: null },
        ],
      });
      assert.deepEqual([codesOf(result), result.committed], [[undefined, undefined, undefined], true]);
      assert.deepEqual(await refLines(store), [
        `refs/heads/main ${next.commit}`,
        `refs/heads/new ${next.commit}`,
      ]);
    },
  },
  {
    name: "commit: atomic is nothing where one ref is refused, for whatever reason",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "nothing", ["refs/heads/main", "refs/heads/dir/x"]);
      const next = await makeTinyPack("nothing 2");
      const before = await refLines(store);
      const good = { name: "refs/heads/main", old: pack.commit, new: next.commit };
      const reasons = [
        [{ name: "refs/heads/wrong", old: OTHER, new: next.commit }, "REF_CONFLICT"],
        [{ name: "refs/heads/bad..name", new: next.commit }, "REF_NAME_INVALID"],
        [{ name: "refs/heads/dir", new: next.commit }, "REF_DIRECTORY_CONFLICT"],
        [{ name: "refs/heads/main/below", new: next.commit }, "REF_DIRECTORY_CONFLICT"],
        [{ name: "refs/heads/denied", new: next.commit }, "REF_DENIED"],
      ] as const;
      for (const [bad, code] of reasons) {
        for (const refs of [
          [good, bad],
          [bad, good],
        ]) {
          const result = await push(store, next, {
            atomic: true,
            refs,
            check: async () => [{ name: "refs/heads/denied", code: "REF_DENIED", message: "no" }],
          });
          const expected = refs.map((ref) => (ref === bad ? code : "REF_ATOMIC_ABORTED"));
          assert.deepEqual([codesOf(result), result.committed], [expected, false], code);
          assert.deepEqual(await refLines(store), before);
          assert.deepEqual(await packIds(store), [pack.id]);
        }
      }
    },
  },
  {
    name: "commit: atomic refuses refs of one commit that cannot exist beside each other",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "pair", ["refs/heads/gone"]);
      const pairs = [
        [
          { name: "refs/heads/x", new: pack.commit },
          { name: "refs/heads/x/y", new: pack.commit },
        ],
        [
          { name: "refs/heads/gone", new: null },
          { name: "refs/heads/gone/y", new: pack.commit },
        ],
      ];
      for (const refs of pairs) {
        const result = await store.commit({ atomic: true, refs });
        assert.deepEqual(
          [codesOf(result).includes("REF_DIRECTORY_CONFLICT"), result.committed],
          [true, false],
        );
      }
      assert.deepEqual(await refLines(store), [`refs/heads/gone ${pack.commit}`]);
    },
  },
  {
    name: "commit: a ref that no working tree has is not moved with one",
    needs: ["refDeletion"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "treeless");
      const next = await makeTinyPack("treeless 2");
      const refs = [
        { name: "refs/heads/main", old: pack.commit, new: next.commit, updateWorkTree: true },
        { name: "refs/heads/new", old: null, new: next.commit, updateWorkTree: false },
      ];
      const result = await push(store, next, { refs });
      assert.deepEqual(codesOf(result), ["REF_DENIED", undefined]);
      assert.equal(result.refs[0]?.message, "denyCurrentBranch = updateInstead needs a worktree");
      const gone = { name: "refs/heads/new", old: next.commit, new: null, updateWorkTree: true };
      assert.deepEqual(codesOf(await store.commit({ refs: [gone] })), ["REF_DENIED"]);
      assert.deepEqual(await refLines(store), [
        `refs/heads/main ${pack.commit}`,
        `refs/heads/new ${next.commit}`,
      ]);
    },
  },
  {
    name: "commit: check sees a view and its refusals stand",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "check");
      const next = await makeTinyPack("check 2");
      const seen: string[] = [];
      const result = await push(store, next, {
        refs: ["free", "held"].map((leaf) => ({ name: `refs/heads/${leaf}`, old: null, new: next.commit })),
        check: async (view) => {
          for await (const ref of view.refs({ prefixes: ["refs/heads/main"] }))
            seen.push(`${ref.name} ${ref.oid}`);
          return [{ name: "refs/heads/held", code: "REVALIDATE", message: "look again" }];
        },
      });
      assert.deepEqual(codesOf(result), [undefined, "REVALIDATE"]);
      assert.deepEqual(seen.slice(0, 1), [`refs/heads/main ${pack.commit}`]);
      assert.equal((await refLines(store)).length, 2);
    },
  },
  {
    name: "commit: what check throws reaches the caller, and nothing has changed",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "throws");
      const next = await makeTinyPack("throws 2");
      const refs = [{ name: "refs/heads/main", new: next.commit }];
      const reason = new Error("the policy is away");
      await assert.rejects(
        push(store, next, { refs, check: () => Promise.reject(reason) }),
        (error) => error === reason,
      );
      assert.deepEqual(await refLines(store), [`refs/heads/main ${pack.commit}`]);
      assert.deepEqual(await packIds(store), [pack.id]);
      assert.deepEqual(codesOf(await push(store, next, { refs })), [undefined]);
    },
  },
  {
    name: "commit: symbolic refs are set with a ref that moved, not without",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "symrefs");
      const symrefs = [{ name: "HEAD", target: "refs/heads/other" }];
      const head = (): Promise<string | undefined> =>
        withSnapshot(store, async (view) => (await view.head()).symref);
      await store.commit({ symrefs, refs: [{ name: "refs/heads/other", old: OTHER, new: pack.commit }] });
      assert.equal(await head(), "refs/heads/main");
      await store.commit({ symrefs, refs: [{ name: "refs/heads/other", old: null, new: pack.commit }] });
      assert.equal(await head(), "refs/heads/other");
      for (const bad of [
        { name: "HEAD", target: "main" },
        { name: "HEAD", target: "refs/heads/a..b" },
        { name: "config", target: "refs/heads/main" },
      ]) {
        await rejectsWith("STORAGE_BAD_NAME", () => store.commit({ symrefs: [bad] }));
      }
      assert.equal(await head(), "refs/heads/other");
    },
  },
  {
    name: "commit: an update of a symbolic ref moves the ref it points to",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "through");
      const b = unknownOid("sha1", "b");
      await store.commit({ symrefs: [{ name: "refs/heads/alias", target: "refs/heads/main" }] });
      const result = await store.commit({ refs: [{ name: "refs/heads/alias", old: pack.commit, new: b }] });
      assert.deepEqual(codesOf(result), [undefined]);
      assert.deepEqual(await refLines(store), [`refs/heads/alias ${b}`, `refs/heads/main ${b}`]);
      const both = ["alias", "main"].map((leaf) => ({
        name: `refs/heads/${leaf}`,
        old: b,
        new: pack.commit,
      }));
      assert.deepEqual(codesOf(await store.commit({ refs: both, atomic: true })), [undefined, undefined]);
      assert.deepEqual((await refLines(store))[1], `refs/heads/main ${pack.commit}`);
      const apart = [
        { name: "refs/heads/alias", new: b },
        { name: "refs/heads/main", new: OTHER },
      ];
      assert.deepEqual(codesOf(await store.commit({ refs: apart })), [undefined, "REF_CONFLICT"]);
    },
  },
  {
    name: "commit: ids of another format are refused before anything is done",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "ids");
      for (const oid of [
        "",
        "abc",
        unknownOid("sha256"),
        unknownOid("sha1", "0"),
        pack.commit.toUpperCase(),
      ]) {
        const refs = [
          { name: "refs/heads/x", new: pack.commit },
          { name: "refs/heads/y", new: oid },
        ];
        if (oid !== pack.commit) await rejectsWith("STORAGE_UNSUPPORTED", () => store.commit({ refs }));
      }
      assert.equal((await refLines(store)).length, 1);
    },
  },
];
