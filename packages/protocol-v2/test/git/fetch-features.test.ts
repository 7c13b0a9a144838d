import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ObjectFilter } from "@millrace/pack";
import { advertiseUploadPack, serveUploadPack } from "../../src/index.ts";
import { askGit, askMillrace, expectSameAnswer, generous, readAnswer, type Setting } from "../support/ask.ts";
import { runGit } from "../support/git.ts";
import { createGitHost } from "../support/git-host.ts";
import { collect, packets, readPackets } from "../support/packets.ts";
import { createForkedRepository, type ForkedRepository } from "../support/repository.ts";

let forked: ForkedRepository;
beforeAll(async () => {
  forked = await createForkedRepository();
});
afterAll(async () => {
  await forked.remove();
});

const none = "1".repeat(40);
const expand = (lines: readonly string[]): string[] =>
  lines.map((line) =>
    line.replace(/@(\w+)/g, (_, name: string) => forked.commits[name] ?? (name === "none" ? none : "")),
  );
const fetching = (...args: string[]): string[] =>
  expand(["command=fetch", "0001", ...args, "no-progress", "0000"]);

const wanted = [
  "blob:none",
  "blob:limit=20",
  "blob:limit=1k",
  "tree:0",
  "tree:1",
  "tree:2",
  "object:type=commit",
];

describe("answered as git answers it", () => {
  const requests: string[][] = [
    ...wanted.map((filter) => ["want @m6", `filter ${filter}`, "done"]),
    ["want @m6", "have @m4", "filter blob:none"],
    ["want @m6", "filter combine:blob:none+tree:2", "done"],
    ["want @m6", "deepen 1", "filter blob:none", "done"],
    ["want @m6", "filter blob:none", "filter tree:1", "done"],
    ["want @m6", "filter nothing", "done"],
    ["want @m6", "filter sparse:path=x", "done"],
    ["want @m6", "filter ", "done"],
    ["want @m6", "filter", "done"],
    ["want-ref refs/heads/main", "done"],
    ["want-ref refs/heads/main", "want-ref refs/heads/main", "done"],
    ["want-ref HEAD", "want @t1", "done"],
    ["want-ref refs/heads/topic", "have @m2"],
    ["want-ref refs/heads/topic", "have @none"],
    ["want-ref refs/tags/v1", "done"],
    ["want-ref refs/heads/non\u0001e", "done"],
    ["want-ref main", "done"],
    ["want-ref ", "done"],
    ["want-ref", "done"],
    ["sideband-all", "want @m6", "done"],
    ["sideband-all", "want @m6", "have @m4", "have @none"],
    ["sideband-all", "want @m6", "have @none"],
    ["sideband-all", "want-ref refs/heads/main", "done"],
    ["sideband-all", "want @m6", "deepen 2", "done"],
    ["sideband-all", "wait-for-done", "have @m4"],
    ["sideband-all 1", "want @m6", "done"],
  ];
  it.each(requests.map((args) => [args.join(", "), args] as const))("%s", async (_, args) => {
    await expectSameAnswer(fetching(...args), forked, generous);
  });

  it.each([["filter blob:none"], ["want-ref refs/heads/main"], ["sideband-all"]])(
    "not offered: %s",
    async (line) => {
      await expectSameAnswer(fetching(line, "want @m6", "done"), forked);
    },
  );

  it.each([
    [["size", "oid @m6", "oid @none", "oid @t1"]],
    [["size"]],
    [[]],
    [["oid @m6", "size", "oid @m6"]],
  ])("object-info %j", async (args) => {
    await expectSameAnswer(expand(["command=object-info", "0001", ...args, "0000"]), forked);
  });

  it.each([
    ["a line that is none", ["bogus"]],
    ["an id that is none", ["size", "oid xx"]],
  ])("object-info with %s, in git's words", async (_, args) => {
    const lines = ["command=object-info", "0001", ...args, "0000"];
    const said = readPackets(askGit(lines, forked.bare).stdout).find((each) =>
      each.toString().startsWith("ERR "),
    );
    expect(readPackets((await askMillrace(lines, forked.bare)).stdout)).toEqual([said]);
  });
});

describe("filters that are not allowed", () => {
  const setting = (refuse: (filter: ObjectFilter) => string | undefined, ...config: string[]): Setting => ({
    policy: { filters: true, refuseFilter: refuse },
    config: ["uploadpack.allowFilter=true", ...config],
  });
  const noBlobs = setting(
    ({ kind }) => (kind === "blob:none" ? "filter 'blob:none' not supported" : undefined),
    "uploadpackfilter.blob:none.allow=false",
  );
  const shallowTrees = setting(
    (filter) =>
      filter.kind === "tree" && filter.depth > 1
        ? `tree filter allows max depth 1, but got ${filter.depth}`
        : undefined,
    "uploadpackfilter.tree.maxDepth=1",
  );
  const onlyTrees = setting(
    ({ kind }) => (kind === "tree" ? undefined : `filter '${kind}' not supported`),
    "uploadpackfilter.allow=false",
    "uploadpackfilter.tree.allow=true",
  );
  it.each<[string, Setting, string]>([
    ["blob:none", noBlobs, "filter blob:none"],
    ["inside a combination", noBlobs, "filter combine:tree:1+blob:none"],
    ["too deep", shallowTrees, "filter tree:2"],
    ["deep enough", shallowTrees, "filter tree:1"],
    ["a combination", onlyTrees, "filter combine:tree:1+tree:2"],
    ["allowed", onlyTrees, "filter tree:2"],
  ])("%s", async (_, each, line) => {
    await expectSameAnswer(fetching("want @m6", line, "done"), forked, each);
    const banded = { ...each, policy: { ...each.policy, sidebandAll: true } };
    const config = [...(each.config ?? []), "uploadpack.allowSidebandAll=true"];
    await expectSameAnswer(fetching("sideband-all", "want @m6", line, "done"), forked, { ...banded, config });
  });
});

it("what goes wrong travels on band 3 once the client reads bands, as from git", async () => {
  for (const line of ["want-ref refs/heads/none", "want @none"]) {
    const lines = fetching("sideband-all", line, "done");
    const expected = askGit(lines, forked.bare, generous).stdout.toString();
    expect((await askMillrace(lines, forked.bare, generous)).stdout.toString()).toBe(expected);
  }
});

it("tells of shallow roots before wanted refs: git's clients read them in the order of its documents", async () => {
  const lines = fetching("want-ref refs/heads/main", "deepen 1", "done");
  const answer = readAnswer((await askMillrace(lines, forked.bare, generous)).stdout, forked.work);
  expect(answer.before).toEqual([
    "shallow-info\n",
    `shallow ${forked.commits["m6"]}`,
    "0001",
    "wanted-refs\n",
    `${forked.commits["m6"]} refs/heads/main\n`,
    "0001",
    "packfile\n",
  ]);
});

it("demands that a ref reaches what is wanted, where the policy does", async () => {
  const loose = runGit(forked.bare, ["hash-object", "-w", "--stdin"], "nobody names this")
    .stdout.toString()
    .trim();
  const ask = (oid: string): ReturnType<typeof askMillrace> =>
    askMillrace(fetching(`want ${oid}`, "done"), forked.bare, { policy: { reachableOnly: true } });
  expect((await ask(loose)).error).toBe(`upload-pack: not our ref ${loose}`);
  expect((await ask(forked.commits["t1"] ?? "")).error).toBeUndefined();
  const { areReachable: _, ...host } = createGitHost(forked.bare, { reachableOnly: true });
  const wanting = (name: string): Uint8Array[] => [packets(...fetching(`want @${name}`, "done"))];
  expect((await collect(serveUploadPack(host, wanting("t1"), { version: 2 }))).toString()).toContain(
    "not our ref",
  );
  expect((await collect(serveUploadPack(host, wanting("t3"), { version: 2 }))).toString()).toContain(
    "packfile",
  );
});

it("is offered in git's words and order", async () => {
  const config = [...(generous.config ?? []), "transfer.advertiseSID=true"].flatMap((each) => ["-c", each]);
  const expected = runGit(forked.bare, [...config, "upload-pack", "--http-backend-info-refs", "."], "", {
    GIT_PROTOCOL: "version=2",
  });
  const host = createGitHost(forked.bare, { ...generous.policy, sessionId: "a session" });
  const answer = await collect(advertiseUploadPack(host, { version: 2, http: true }));
  const plain = (bytes: Uint8Array): string[] =>
    readPackets(bytes).map((each) => each.toString().replace(/^(agent|session-id)=.*/, "$1"));
  expect(plain(answer)).toEqual(plain(expected.stdout));
  expect(answer.toString()).toContain("session-id=a.session\n");
});
