import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { afterAll, describe, expect, test } from "vitest";
import { ChangeLog } from "./change-log.ts";
import { putChanges, takeChanges } from "./change-log-file.ts";
import type { LowerTree } from "./row.ts";

const root = mkdtempSync(join(tmpdir(), "changes-"));
afterAll(() => rmSync(root, { recursive: true }));

const none = (): LowerTree => new Map();
const ask = async (log: ChangeLog, token: string): Promise<[token: string, paths: string[] | undefined]> => {
  const { token: next, paths } = await log.since(token, none);
  return [next, paths && [...paths]];
};

describe("a log of changes", () => {
  test("tells since a token what has changed, each path once", async () => {
    const log = new ChangeLog();
    log.note("before");
    const [first, all] = await ask(log, "1700000000000000000");
    expect(all).toBeUndefined();
    expect((await ask(log, first))[1]).toEqual([]);
    for (const path of ["a", "b/", "a", "c/d"]) log.note(path);
    const [second, paths] = await ask(log, first);
    expect(paths?.sort()).toEqual(["a", "b/", "c/d"]);
    log.note("a");
    expect((await ask(log, second))[1]).toEqual(["a"]);
    expect((await ask(log, first))[1]?.sort()).toEqual(["a", "b/", "c/d"]);
  });

  test("tells once that files came to a directory that is told itself, however many", async () => {
    const log = new ChangeLog();
    const [first] = await ask(log, "");
    for (let i = 0; i < 1000; i++) {
      log.note(`made/${i}/`);
      for (let file = 0; file < 100; file++) log.note(`made/${i}/file-${file}`);
    }
    const [second, paths] = await ask(log, first);
    expect(paths).toHaveLength(2000);
    expect(paths?.slice(0, 4)).toEqual(["made/0/", "made/0/.", "made/1/", "made/1/."]);
    // Behind the next token the directory is not told any more.
    log.note("made/0/file-0");
    expect((await ask(log, second))[1]).toEqual(["made/0/file-0"]);
  });

  test("knows no token of another log, of the future, or none at all", async () => {
    const log = new ChangeLog();
    const [token] = await ask(log, "");
    const [other] = await ask(new ChangeLog(), "");
    const later = token.replace(/\d+$/, (stamp) => `${Number(stamp) + 1000}`);
    for (const asked of [other, later, `${token}0`, `${token} `, "", "/", "1"])
      expect((await ask(log, asked))[1], asked).toBeUndefined();
    expect((await ask(log, token))[1]).toEqual([]);
  });

  test("forgets the oldest when there are too many, and what it has told when anything may have changed", async () => {
    const log = new ChangeLog();
    const [old] = await ask(log, "");
    log.note("first");
    const [young] = await ask(log, old);
    for (let i = 0; i < 65_536; i++) log.note(`file-${i}`);
    expect((await ask(log, old))[1]).toBeUndefined();
    const [now, paths] = await ask(log, young);
    expect(paths).toHaveLength(65_536);
    log.noteAll();
    expect((await ask(log, now))[1]).toBeUndefined();
  });

  test("tells the directories of a tree that has moved; where one cannot be read, anything may have changed", async () => {
    const [outer, inner] = ["1".repeat(40), "2".repeat(40)] as Oid[];
    const file = { mode: 0o100644, oid: "3".repeat(40) };
    const trees = new Map<Oid, LowerTree>([
      [
        outer!,
        new Map([
          ["in", { mode: 0o040755, oid: inner }],
          ["file", file],
        ]),
      ],
      [inner!, new Map([["file", file]])],
    ]);
    const log = new ChangeLog();
    const [token] = await ask(log, "");
    log.note("moved/", outer);
    const { paths } = await log.since(token, async (oid) => trees.get(oid)!);
    expect([...(paths ?? [])]).toEqual(["moved/.", "moved/in/."]);
    const failed = await log.since(token, async () => Promise.reject(new Error("gone")));
    expect(failed.paths).toBeUndefined();
  });

  test("is there after a restart, once, and only where nothing has changed since", async () => {
    const file = join(root, "log");
    const first = new ChangeLog();
    const [token] = await ask(first, "");
    first.note("a");
    putChanges(file, 7, first.save());
    expect(takeChanges(file, 8)).toBeUndefined();
    putChanges(file, 7, first.save());
    const second = new ChangeLog(takeChanges(file, 7));
    second.note("b");
    const [next, paths] = await ask(second, token);
    expect(paths).toEqual(["a", "b"]);
    // What follows a crash knows neither of them.
    expect(takeChanges(file, 7)).toBeUndefined();
    putChanges(file, 9, second.save());
    const third = new ChangeLog(takeChanges(file, 9));
    expect((await ask(third, token))[1]).toEqual(["a", "b"]);
    expect((await ask(third, next))[1]).toEqual([]);
    // What was given out after it was saved is known to nobody.
    const [lost] = await ask(second, next);
    expect((await ask(third, lost))[1]).toBeUndefined();
    for (const damaged of ["", "{", '{"version":1}', "\0\0"]) {
      writeFileSync(file, damaged);
      expect(takeChanges(file, 9)).toBeUndefined();
    }
  });
});
