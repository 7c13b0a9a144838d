import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { advertiseUploadPack, serveUploadPack } from "../../src/index.ts";
import { askMillrace, expectSameAnswer } from "../support/ask.ts";
import { createGitHost } from "../support/git-host.ts";
import { collect, packets } from "../support/packets.ts";
import { createForkedRepository, type ForkedRepository } from "../support/repository.ts";

let forked: ForkedRepository;
beforeAll(async () => {
  forked = await createForkedRepository();
});
afterAll(async () => {
  await forked.remove();
});

/** `@m1` and the like are commits, `@tree` is the tree of `m6`, `@none` is nothing that is stored. */
const expand = (args: readonly string[]): string[] =>
  args.map((line) =>
    line.replace(
      /@(\w+)/g,
      (_, name: string) => forked.commits[name] ?? (name === "none" ? "1".repeat(40) : ""),
    ),
  );
const fetching = (...args: string[]): string[] => [
  "command=fetch",
  "0001",
  ...expand(args),
  "no-progress",
  "0000",
];

const requests: string[][] = [
  ["want @m6", "deepen 1", "done"],
  ["want @m6", "deepen 2", "done"],
  ["want @m6", "deepen 3", "done"],
  ["want @m6", "deepen 100", "done"],
  ["want @m6", "want @t3", "deepen 2", "done"],
  ["want @m6", "deepen 2147483647", "done"],
  ["want @m6", "deepen 0x2", "done"],
  ["want @m6", "deepen  2", "done"],
  ["want @m6", "deepen +2", "done"],
  ["want @m6", "deepen 1", "deepen 3", "done"],
  ["want @m6", "shallow @m5", "done"],
  ["want @m6", "shallow @m5", "have @m5", "done"],
  ["want @m6", "shallow @m5", "shallow @m5", "shallow @none", "have @m5"],
  ["want @m6", "shallow @none", "done"],
  ["want @m6", "shallow @m6", "have @m6", "deepen 3", "done"],
  ["want @m6", "shallow @m6", "have @m6", "deepen 3"],
  ["want @m6", "shallow @m6", "have @m6", "deepen 2147483647", "done"],
  ["want @m6", "shallow @m6", "shallow @t2", "deepen 2147483647", "done"],
  ["want @m6", "shallow @m4", "shallow @t3", "have @m5", "deepen-relative", "deepen 1", "done"],
  ["want @m6", "shallow @m4", "deepen-relative", "done"],
  ["want @m6", "shallow @m2", "deepen 1", "done"],
  ["want @m6", "deepen-since 1700000600", "done"],
  ["want @m6", "deepen-since 1700000400", "done"],
  ["want @m6", "deepen-since 0", "done"],
  ["want @m6", "deepen-not topic", "done"],
  ["want @m6", "deepen-not refs/heads/topic", "done"],
  ["want @m6", "deepen-not v1", "done"],
  ["want @m6", "deepen-not topic", "deepen-not v1", "done"],
  ["want @m6", "deepen-not topic-base", "deepen-since 1700000500", "done"],
  ["want @m6", "shallow @m5", "have @m5", "deepen-since 1700000300", "done"],
  ["want @m6", "have @m5", "deepen 1"],
  ["want @m6", "have @none", "deepen 1"],
  ["want @m6", "deepen 0", "done"],
  ["want @m6", "deepen -1", "done"],
  ["want @m6", "deepen x", "done"],
  ["want @m6", "deepen 1x", "done"],
  ["want @m6", "deepen ", "done"],
  ["want @m6", "deepen", "done"],
  ["want @m6", "deepen-relative 1", "done"],
  ["want @m6", "deepen 1", "deepen-since 5", "done"],
  ["want @m6", "deepen 1", "deepen-not topic", "done"],
  ["want @m6", "deepen-since x", "done"],
  ["want @m6", "deepen-since -1", "done"],
  ["want @m6", "deepen-not none", "done"],
  ["want @m6", "deepen-not main", "done"],
  ["want @m6", "shallow xx", "done"],
];

describe("answered as git answers it", () => {
  it.each(requests.map((args) => [args.join(", "), args] as const))("%s", async (_, args) => {
    await expectSameAnswer(fetching(...args), forked);
  });

  it.each([
    [["want @m6", "done"]],
    [["want @m6", "deepen 1", "done"]],
    [["want @m6", "deepen 2", "done"]],
    [["want @m6", "deepen 2147483647", "done"]],
    [["want @m6", "shallow @m5", "have @m6", "done"]],
    [["want @m6", "shallow @m6", "have @m6", "deepen 2", "done"]],
    [["want @m6", "shallow @m6", "have @m6", "done"]],
  ])("by a repository that is shallow itself: %j", async (args) => {
    await expectSameAnswer(fetching(...args), { bare: forked.shallow, work: forked.work });
  });
});

it("a host without deepen takes none of it", async () => {
  const { deepen: _, ...host } = createGitHost(forked.bare);
  const advertised = await collect(advertiseUploadPack(host, { version: 2 }));
  expect(advertised.toString()).toContain("fetch=wait-for-done\n");
  const request = packets(...fetching("want @m6", "deepen 1", "done"));
  const answer = await collect(serveUploadPack(host, [request], { version: 2 }));
  expect(answer.toString()).toContain("ERR unexpected line: 'deepen 1'");
});

it("a client reads what the host has against its names", async () => {
  const answer = await askMillrace(fetching("want @m6", "deepen-not none", "done"), forked.bare);
  expect(answer.stdout.toString()).toContain("ERR git upload-pack: ambiguous deepen-not: deepen-not none");
});
