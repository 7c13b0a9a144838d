import assert from "node:assert/strict";
import type { CommitRequest, RefUpdate, RepositoryStore, Storage } from "../contract.ts";
import type { Outbox } from "../outbox.ts";
import { codesOf, createFilled, rejectsWith } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import type { TinyPack } from "./tiny-pack.ts";

const HOUR_MS = 60 * 60 * 1000;
const names = (moved: readonly RefUpdate[]): string => moved.map(({ name }) => name).join(" ");

function outboxOf(store: RepositoryStore): Outbox {
  assert.ok(store.outbox !== undefined, "declared and not there");
  return store.outbox;
}

/** What whoever takes at once gets. */
async function takeAll(store: RepositoryStore): Promise<string[]> {
  return (await outboxOf(store).take(0)).map(({ text }) => text);
}

interface Filled {
  readonly store: RepositoryStore;
  readonly pack: TinyPack;
  commit(request: CommitRequest): ReturnType<RepositoryStore["commit"]>;
}

async function createNoticed(storage: Storage, name: string): Promise<Filled> {
  const { store, pack } = await createFilled(storage, name);
  return { store, pack, commit: (request) => store.commit({ notice: names, ...request }) };
}

/** What commits leave to be told. */
export const outboxCases: readonly ConformanceCase[] = [
  {
    name: "outbox: a commit leaves a notice of the refs that moved, and of no others",
    needs: ["outbox"],
    async run({ storage }) {
      const { store, pack, commit } = await createNoticed(storage, "noticed");
      assert.deepEqual(await takeAll(store), []);
      const result = await commit({
        refs: [
          { name: "refs/heads/a", old: null, new: pack.commit },
          { name: "refs/heads/main", old: null, new: pack.commit },
          { name: "refs/heads/b", old: null, new: pack.commit },
        ],
      });
      assert.deepEqual(codesOf(result), [undefined, "REF_CONFLICT", undefined]);
      const [notice, ...others] = await outboxOf(store).take(0);
      assert.deepEqual(others, []);
      assert.deepEqual(notice, { id: result.noticeId, text: "refs/heads/a refs/heads/b" });
    },
  },
  {
    name: "outbox: a commit that moves nothing, or is refused, leaves none",
    needs: ["outbox"],
    async run({ storage }) {
      const { store, pack, commit } = await createNoticed(storage, "quiet");
      const refused = await commit({
        refs: [{ name: "refs/heads/main", old: null, new: pack.commit }],
        atomic: true,
      });
      assert.equal(refused.noticeId, undefined);
      await rejectsWith("STORAGE_UNSUPPORTED", () =>
        commit({
          refs: [{ name: "refs/heads/long", old: null, new: pack.commit }],
          notice: () => "x".repeat(65_537),
        }),
      );
      assert.deepEqual(await takeAll(store), []);
    },
  },
  {
    name: "outbox: a notice is whose it is for as long as it takes, then whose takes it; what is settled is gone",
    needs: ["outbox"],
    async run({ storage }) {
      const { store, pack, commit } = await createNoticed(storage, "taken");
      const update = (name: string): Promise<unknown> =>
        commit({ refs: [{ name, old: null, new: pack.commit }] });
      await update("refs/heads/one");
      await update("refs/heads/two");
      const other = await storage.open("taken");
      assert.deepEqual(await outboxOf(other).take(HOUR_MS), []);
      const taken = await outboxOf(other).take(0);
      assert.deepEqual(
        taken.map(({ text }) => text),
        ["refs/heads/one", "refs/heads/two"],
      );
      assert.equal(outboxOf(other).isDue(HOUR_MS), false);
      assert.equal(outboxOf(other).isDue(0), true);
      outboxOf(other).settle(taken[0]!.id);
      assert.deepEqual(await takeAll(other), ["refs/heads/two"]);
      outboxOf(other).settle(taken[1]!.id);
      assert.equal(outboxOf(other).isDue(0), false);
      await update("refs/heads/three");
      assert.deepEqual(await takeAll(store), ["refs/heads/three"]);
    },
  },
  {
    name: "outbox: as many notices wait as are allowed, and the oldest go",
    needs: ["outbox"],
    async run({ storage }) {
      const { store, pack, commit } = await createNoticed(storage, "many");
      const commits = Array.from({ length: 260 }, (_, i) =>
        commit({
          refs: [{ name: `refs/heads/n${i}`, old: null, new: pack.commit }],
          notice: () => String(i),
        }),
      );
      await Promise.all(commits);
      const waiting = await takeAll(store);
      assert.equal(waiting.length, 256);
      assert.equal(new Set(waiting).size, 256);
    },
  },
];
