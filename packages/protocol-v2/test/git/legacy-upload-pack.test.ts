import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { advertiseUploadPack, type UploadPackPolicy } from "../../src/index.ts";
import { askGit, askMillrace, expectSameAnswer, generous, type Setting } from "../support/ask.ts";
import { git, runGit } from "../support/git.ts";
import { createGitHost } from "../support/git-host.ts";
import { collect, readPackets } from "../support/packets.ts";
import {
  createForkedRepository,
  createSampleRepository,
  type ForkedRepository,
} from "../support/repository.ts";

let forked: ForkedRepository;
let loose: string;
beforeAll(async () => {
  forked = await createForkedRepository();
  loose = git(forked.bare, "commit-tree", "-m", "on no ref", "main^{tree}");
});
afterAll(async () => {
  await forked.remove();
});

const none = "1".repeat(40);
const expand = (lines: readonly string[]): string[] =>
  lines.map((line) =>
    line.replace(/@(\w+)/g, (_, name: string) =>
      name === "none" ? none : name === "loose" ? loose : (forked.commits[name] ?? ""),
    ),
  );
const detailed = "multi_ack_detailed no-progress side-band-64k";

const transcripts: string[][] = [
  ["want @m6 no-progress side-band-64k", "0000", "done"],
  ["want @m6 no-progress side-band", "0000", "done"],
  ["want @m6 no-progress side-band side-band-64k", "0000", "done"],
  ["want @m6", "0000", "done"],
  ["want @m6\n", "0000", "done\n"],
  ["want @m6", "want @t3", "want @m6", "0000", "done"],
  ["want @m6", "0000", "have @m4", "done"],
  ["want @m6", "0000", "have @none", "done"],
  ["want @m6", "0000", "have @none", "0000"],
  ["want @m6", "0000", "have @m4", "0000"],
  ["want @m6", "0000", "have @m4", "have @t2", "done"],
  ["want @m6 multi_ack side-band-64k no-progress", "0000", "have @m4", "have @none", "have @m2", "0000"],
  ["want @m6 multi_ack side-band-64k no-progress", "0000", "have @none", "have @m1", "have @none", "done"],
  ["want @m6 multi_ack side-band-64k no-progress", "0000", "have @none", "done"],
  ["want @m6 multi_ack", "0000", "have @m4", "done"],
  [`want @m6 ${detailed}`, "0000", "have @m4", "0000"],
  [`want @m6 ${detailed}`, "0000", "have @none", "have @m4", "have @none", "have @t2", "0000"],
  [`want @m6 ${detailed}`, "0000", "have @m4", "have @m4", "have @none", "0000"],
  [`want @m6 ${detailed}`, "0000", "have @none", "0000"],
  [`want @m6 ${detailed}`, "0000", "0000"],
  [`want @m6 ${detailed}`, "0000", "have @m4", "have @none", "done"],
  [`want @m6 ${detailed}`, "0000", "have @m4", "0000", "done"],
  [`want @m6 ${detailed}`, "0000", "have @none", "0000", "have @m4", "0000", "done"],
  [`want @m6 ${detailed}`, "0000", "have @m2", "0000", "have @none", "0000", "have @t1", "done"],
  [`want @m2 ${detailed}`, "0000", "have @t3", "0000", "have @t2", "0000", "done"],
  [`want @m2 want @t3 ${detailed}`, "0000", "have @t3", "0000", "done"],
  [`want @m2 ${detailed}`, "want @t3", "0000", "have @t3", "have @none", "have @m2", "have @none", "done"],
  [`want @m6 ${detailed} no-done`, "0000", "have @m4", "0000"],
  [`want @m6 ${detailed} no-done`, "0000", "have @none", "have @m4", "have @none", "0000"],
  [`want @m6 ${detailed} no-done`, "0000", "have @none", "0000", "have @none", "0000", "have @m3", "0000"],
  ["want @m6 multi_ack no-done side-band-64k no-progress", "0000", "have @m4", "0000", "done"],
  [`want @m6 ${detailed} multi_ack`, "0000", "have @m4", "0000", "done"],
  [
    "want @m6 thin-pack ofs-delta include-tag side-band-64k no-progress foo=1 bar",
    "0000",
    "have @m3",
    "done",
  ],
  ["want @m6 side-band-64k no-progress agent=git/x session-id=y object-format=sha1", "0000", "done"],
  [`want @m6 ${detailed}`, "shallow @m5", "0000", "have @m5", "done"],
  [`want @m6 ${detailed}`, "shallow @m5", "shallow @none", "0000", "done"],
  [`want @m6 ${detailed}`, "deepen 1", "0000"],
  [`want @m6 ${detailed}`, "deepen 1", "0000", "0000"],
  [`want @m6 ${detailed}`, "deepen 2", "0000", "done"],
  [`want @m6 ${detailed}`, "shallow @m6", "deepen 2", "0000", "have @m6", "done"],
  [`want @m6 ${detailed} deepen-relative`, "shallow @m6", "deepen 2", "0000", "have @m6", "done"],
  [`want @m6 ${detailed}`, "shallow @m6", "deepen 2147483647", "0000", "have @m6", "done"],
  [`want @m6 ${detailed}`, "deepen-since 1700000600", "0000", "done"],
  [`want @m6 ${detailed}`, "deepen-not topic", "0000", "done"],
  [`want @m6 ${detailed}`, "deepen-not nothing", "0000", "done"],
  [`want @m6 ${detailed}`, "deepen 0", "0000", "done"],
  [`want @m6 ${detailed}`, "deepen 1", "deepen-not topic", "0000", "done"],
  [`want @m6 ${detailed}`, "deepen-relative", "0000", "done"],
  [`want @m6 ${detailed} filter`, "filter blob:none", "0000", "done"],
  [`want @m6 ${detailed} filter`, "filter tree:1", "deepen 1", "0000", "done"],
  [`want @m6 ${detailed} filter`, "filter tree:1", "filter tree:1", "0000", "done"],
  [`want @m6 ${detailed} filter`, "filter x", "0000", "done"],
  [`want @m6 ${detailed}`, "filter blob:none", "0000", "done"],
  ["0000"],
  ["have @m6", "0000"],
  ["want x", "0000"],
  ["want", "0000"],
  ["want @m6"],
  [],
  ["want @m6", "0000", "bogus\u001b"],
  ["want @m6", "0000", "want @m5"],
  ["want @m6", "0000", "have x"],
  ["want @m6", "0000", "have @m4"],
  ["want @m6", "0000"],
  ["want @m6", "0001", "done"],
  [`want @m6 ${detailed}`, "0000", "have @m4", "0001", "done"],
];

describe.each<[string, Setting]>([
  ["one request", { ...generous, version: 0 }],
  ["the same behind version 1", { ...generous, version: 1 }],
  ["a conversation", { ...generous, version: 0, stateless: false }],
  ["a conversation in version 1", { ...generous, version: 1, stateless: false }],
])("%s is answered as git answers it", (_, setting) => {
  const some = setting.version === 1 ? transcripts.filter((__, index) => index % 6 === 0) : transcripts;
  it.each(some.map((lines) => [lines.join(", "), lines] as const))("%s", async (__, lines) => {
    await expectSameAnswer(expand(lines), forked, setting);
  });
});

it.each([
  [["want @m6 side-band-64k no-progress", "0000", "done"]],
  [["want @m6 side-band-64k no-progress", "deepen 1", "0000", "done"]],
  [["want @m6 side-band-64k no-progress", "deepen 2147483647", "0000", "done"]],
  [["want @m6 side-band-64k no-progress", "shallow @m6", "deepen 2", "0000", "have @m6", "done"]],
  [["want @m6 side-band-64k no-progress", "shallow @m5", "0000", "have @m5", "done"]],
])("a repository that is shallow itself answers as git does: %j", async (lines) => {
  for (const stateless of [true, false]) {
    const setting = { ...generous, version: 0, stateless } as const;
    await expectSameAnswer(expand(lines), { bare: forked.shallow, work: forked.work }, setting);
  }
});

describe("what may be wanted", () => {
  const settings: [NonNullable<UploadPackPolicy["wants"]>, string[]][] = [
    ["advertised", []],
    ["tips", ["uploadpack.allowTipSHA1InWant=true"]],
    ["reachable", ["uploadpack.allowReachableSHA1InWant=true"]],
    ["any", ["uploadpack.allowAnySHA1InWant=true"]],
  ];
  const cases = settings.flatMap(([wants, config]) =>
    [true, false].map((stateless): Setting & { wants: string } => ({
      version: 0,
      stateless,
      wants,
      policy: { wants },
      config,
    })),
  );
  it.each(cases)("$wants, stateless: $stateless", async (setting) => {
    for (const want of ["@m6", "@t3", "@m4", "@t1", "@loose", "@none"]) {
      const lines = expand([`want ${want} side-band-64k no-progress`, "0000", "done"]);
      const expected = askGit(lines, forked.bare, setting);
      const refused = expected.stdout.includes("ERR upload-pack: not our ref");
      const answer = await askMillrace(lines, forked.bare, setting);
      expect(answer.stdout.includes("ERR upload-pack: not our ref"), `${setting.wants} ${want}`).toBe(
        refused,
      );
      if (!refused) await expectSameAnswer(lines, forked, setting);
      else expect(answer.error).toBe(`upload-pack: not our ref ${expand([want])[0]}`);
    }
  });

  it("an empty repository has its capabilities told all the same", async () => {
    const sample = await createSampleRepository();
    const answer = await collect(advertiseUploadPack(createGitHost(sample.empty), { version: 0 }));
    await sample.remove();
    expect(answer.toString()).toMatch(/^....0{40} capabilities\^\{\}\0multi_ack .* agent=millrace\n0000$/);
  });
});

describe("advertisement", () => {
  const plain = (bytes: Uint8Array): string[] =>
    readPackets(bytes).map((each) => each.toString().replace(/(agent|session-id)=\S+/g, "$1"));

  it.each([0, 1] as const)("is git's in version %i", async (version) => {
    const config = [...(generous.config ?? []), "transfer.advertiseSID=true"].flatMap((each) => ["-c", each]);
    for (const directory of [forked.bare, forked.shallow]) {
      for (const generously of [true, false]) {
        const args = [...(generously ? config : []), "upload-pack", "--http-backend-info-refs", "."];
        const expected = runGit(directory, args, "", { GIT_PROTOCOL: `version=${version}` });
        const policy = generously ? { ...generous.policy, sessionId: "x" } : {};
        const answer = await collect(advertiseUploadPack(createGitHost(directory, policy), { version }));
        expect(plain(answer)).toEqual(plain(expected.stdout));
        const options = { version, http: true };
        const http = await collect(advertiseUploadPack(createGitHost(directory, policy), options));
        expect(plain(http)).toEqual(["# service=git-upload-pack\n", "0000", ...plain(expected.stdout)]);
      }
    }
  });

  it("is git's for sha256 too", async () => {
    const sha256 = await createSampleRepository("sha256");
    const expected = runGit(sha256.bare, ["upload-pack", "--http-backend-info-refs", "."]);
    const answer = await collect(advertiseUploadPack(createGitHost(sha256.bare), { version: 0 }));
    const lines = [`want ${sha256.commits[3]} side-band-64k no-progress`, "0000", "done"];
    await expectSameAnswer(lines, sha256, { version: 0 });
    await sha256.remove();
    expect(plain(answer)).toEqual(plain(expected.stdout));
  });

  it("takes a whole host", async () => {
    const answer = collect(advertiseUploadPack({ objectFormat: "sha1" }, { version: 0 }));
    await expect(answer).rejects.toMatchObject({ code: "PROTOCOL_UNSUPPORTED_VERSION" });
  });
});
