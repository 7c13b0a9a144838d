import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { advertiseUploadPack, type ProtocolError, serveUploadPack } from "../../src/index.ts";
import { runGit } from "../support/git.ts";
import { createGitHost } from "../support/git-host.ts";
import { bandOf, collect, packets, readPackets, type ReadPacket } from "../support/packets.ts";
import { createSampleRepository, type SampleRepository } from "../support/repository.ts";

let sample: SampleRepository;
beforeAll(async () => {
  sample = await createSampleRepository();
});
afterAll(async () => {
  await sample.remove();
});

const commit = (number: number): string => sample.commits[number - 1] ?? "";
const strange = "1".repeat(40);

/** Requests whose answers, or errors, must be git's; `@n` is commit n. */
const transcripts: [name: string, lines: string[]][] = [
  [
    "all refs with everything",
    ["command=ls-refs\n", "agent=git/test", "0001", "peel\n", "symrefs\n", "unborn\n", "0000"],
  ],
  ["all refs, nothing more", ["command=ls-refs", "0000"]],
  ["peeled only", ["command=ls-refs", "0001", "peel", "0000"]],
  ["symrefs only", ["command=ls-refs", "0001", "symrefs", "0000"]],
  ["a prefix", ["command=ls-refs", "0001", "ref-prefix refs/tags/", "0000"]],
  ["two prefixes", ["command=ls-refs", "0001", "ref-prefix refs/heads/t", "ref-prefix HEAD", "0000"]],
  ["a prefix in the middle of a name", ["command=ls-refs", "0001", "ref-prefix refs/heads/ma", "0000"]],
  ["a prefix of nothing", ["command=ls-refs", "0001", "ref-prefix refs/none/", "0000"]],
  ["an empty prefix", ["command=ls-refs", "0001", "ref-prefix ", "0000"]],
  ["a prefix without its value", ["command=ls-refs", "0001", "ref-prefix", "0000"]],
  ["the repository's object format", ["command=ls-refs", "object-format=sha1", "0000"]],
  ["another object format", ["command=ls-refs", "object-format=sha256", "0000"]],
  ["an unknown object format", ["command=ls-refs", "object-format=md5", "0000"]],
  ["an object format without a value", ["command=ls-refs", "object-format", "0000"]],
  ["capabilities without values", ["command=ls-refs", "agent", "server-option", "0000"]],
  ["server options", ["command=ls-refs", "server-option=a", "server-option=b=c", "0000"]],
  ["an unknown ls-refs argument", ["command=ls-refs", "0001", "bogus\u001b[31m", "0000"]],
  ["a second delimiter in ls-refs", ["command=ls-refs", "0001", "peel", "0001", "0000"]],
  ["an unknown capability", ["foo=1", "0000"]],
  ["a capability that starts like one", ["command=ls-refs", "agentx=1", "0000"]],
  ["a command as a capability", ["ls-refs", "0000"]],
  ["a command with a value as a capability", ["command=ls-refs", "fetch=x", "0000"]],
  ["command without a value", ["command", "0000"]],
  ["an unknown command", ["command=foo", "0000"]],
  ["a capability as a command", ["command=agent", "0000"]],
  ["a command with a value", ["command=ls-refs=x", "0000"]],
  ["a second command", ["command=ls-refs", "command=fetch", "0000"]],
  ["the same command again", ["command=ls-refs", "command=ls-refs", "0000"]],
  ["no command", ["agent=x", "0000"]],
  ["no command before a delimiter", ["0001"]],
  ["an empty line", [""]],
  ["a flush only", ["0000"]],
  ["nothing at all", []],
  ["an end inside the capabilities", ["command=ls-refs"]],
  ["an end inside the arguments", ["command=fetch", "0001", "want @4", "done"]],
  ["fetch without wants", ["command=fetch", "0000"]],
  ["haves without wants", ["command=fetch", "0001", "have @1", "0000"]],
  ["a want that is no id", ["command=fetch", "0001", "want foo", "done", "0000"]],
  ["a want of another length", ["command=fetch", "0001", `want ${strange.slice(1)}`, "0000"]],
  ["a have that is no id", ["command=fetch", "0001", "want @4", "have foo", "0000"]],
  ["an unknown fetch argument", ["command=fetch", "0001", "want @4", "bogus", "0000"]],
  ["a flag with a value", ["command=fetch", "0001", "want @4", "thin-pack x", "0000"]],
  ["a second delimiter in fetch", ["command=fetch", "0001", "want @4", "done", "0001", "0000"]],
  ["nothing in common", ["command=fetch", "0001", "want @4", `have ${strange}`, "0000"]],
  ["something in common, not ready", ["command=fetch", "0001", "want @1", "have @4", "0000"]],
  ["only negotiation", ["command=fetch", "0001", "wait-for-done", "have @1", `have ${strange}`, "0000"]],
  ["never ready", ["command=fetch", "0001", "wait-for-done", "want @4", "have @1", "0000"]],
];

const expand = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/@([1-4])/g, (_, number: string) => commit(Number(number))));

interface Answer {
  readonly stdout: Buffer;
  readonly error: string | undefined;
}

function askGit(lines: readonly string[], directory: string): Answer {
  const result = runGit(directory, ["upload-pack", "--stateless-rpc", "."], packets(...expand(lines)), {
    GIT_PROTOCOL: "version=2",
  });
  return { stdout: result.stdout, error: /^fatal: (.*)$/m.exec(result.stderr)?.[1] };
}

async function askMillrace(lines: readonly string[], directory: string): Promise<Answer> {
  let error: ProtocolError | undefined;
  const answer = serveUploadPack(createGitHost(directory), [packets(...expand(lines))], {
    version: 2,
    onError: (told) => {
      error = told;
    },
  });
  return { stdout: await collect(answer), error: error?.clientMessage };
}

describe("requests answered as git answers them", () => {
  it.each(transcripts)("%s", async (_, lines) => {
    const expected = askGit(lines, sample.bare);
    const answer = await askMillrace(lines, sample.bare);
    expect(answer.error).toBe(expected.error);
    // Git writes most of its errors to its own error output; clients of Millrace read them.
    const told = expected.error === undefined ? "" : packets(`ERR ${expected.error}`).toString();
    expect(answer.stdout.toString()).toBe(expected.stdout.toString() + told);
  });

  it("an object that is not there, in the one text that git sends itself", async () => {
    const lines = ["command=fetch", "0001", `want ${strange}`, "done", "0000"];
    const expected = askGit(lines, sample.bare);
    expect((await askMillrace(lines, sample.bare)).stdout).toEqual(expected.stdout);
  });

  it("an id with more behind it, which git overlooks, is an error here", async () => {
    const answer = await askMillrace(["command=fetch", "0001", "want @4x", "done", "0000"], sample.bare);
    expect(answer.error).toBe(
      `git upload-pack: protocol error, expected to get oid, not 'want ${commit(4)}x'`,
    );
  });

  it.each([
    [["symrefs", "unborn"]],
    [["unborn"]],
    [["symrefs"]],
    [["symrefs", "unborn", "ref-prefix refs/"]],
    [["symrefs", "unborn", "ref-prefix HEAD"]],
    [["symrefs", "unborn", "ref-prefix HEADS"]],
  ])("an empty repository with %j", async (args) => {
    const lines = ["command=ls-refs", "0001", ...args, "0000"];
    const expected = askGit(lines, sample.empty);
    expect((await askMillrace(lines, sample.empty)).stdout.toString()).toBe(expected.stdout.toString());
  });

  it.each(["zzzz", "0003", "fff1-"])("bytes that are no packet: %s", async (bytes) => {
    const expected = runGit(sample.bare, ["upload-pack", "--stateless-rpc", "."], bytes, {
      GIT_PROTOCOL: "version=2",
    });
    let error: ProtocolError | undefined;
    const answer = await collect(
      serveUploadPack(createGitHost(sample.bare), [Buffer.from(bytes)], {
        version: 2,
        onError: (told) => {
          error = told;
        },
      }),
    );
    // The wording behind the colon is the codec's.
    if (expected.stderr !== "") expect(expected.stderr).toMatch(/^fatal: protocol error: bad line length/);
    expect(error?.clientMessage).toMatch(/^protocol error: /);
    expect(error?.code).toBe("PROTOCOL_BAD_FRAMING");
    expect(answer.toString()).toBe(packets(`ERR ${error?.clientMessage}`).toString());
  });

  it("more prefixes than git takes are none", async () => {
    const lines = [
      "command=ls-refs",
      "0001",
      ...Array.from({ length: 65_536 }, (_, n) => `ref-prefix x${n}`),
      "0000",
    ];
    const expected = askGit(lines, sample.bare);
    expect((await askMillrace(lines, sample.bare)).stdout).toEqual(expected.stdout);
    const fewer = ["command=ls-refs", "0001", ...lines.slice(3)];
    expect((await askMillrace(fewer, sample.bare)).stdout.toString()).toBe("0000");
  });
});

describe("a repository of sha256", () => {
  let sha256: SampleRepository;
  beforeAll(async () => {
    sha256 = await createSampleRepository("sha256");
  });
  afterAll(async () => {
    await sha256.remove();
  });

  it.each([
    [["command=ls-refs", "object-format=sha256", "0001", "peel", "symrefs", "0000"]],
    [["command=ls-refs", "0001", "0000"]],
    [["command=fetch", "object-format=sha256", "0001", `want ${strange}`, "0000"]],
    [["command=fetch", "object-format=sha256", "0001", "wait-for-done", `have ${"1".repeat(64)}`, "0000"]],
  ])("%j", async (lines) => {
    const expected = askGit(lines, sha256.bare);
    const answer = await askMillrace(lines, sha256.bare);
    expect(answer.error).toBe(expected.error);
    if (expected.error === undefined) expect(answer.stdout.toString()).toBe(expected.stdout.toString());
  });

  it("is advertised as such", async () => {
    const answer = await collect(advertiseUploadPack({ objectFormat: "sha256" }, { version: 2 }));
    expect(answer.toString()).toContain("object-format=sha256\n");
  });
});

describe("packs", () => {
  const sections = (bytes: Buffer): { before: (string | Buffer)[]; pack: Buffer; told: string } => {
    const found = readPackets(bytes);
    const from = found.findIndex((each) => each.toString() === "packfile\n");
    expect(found.at(-1)).toBe("0000");
    const section: ReadPacket[] = found.slice(from + 1);
    return {
      before: found.slice(0, from + 1).map((each) => each.toString()),
      pack: bandOf(section, 1),
      told: bandOf(section, 2).toString(),
    };
  };
  const objectsOf = (pack: Buffer): string[] => {
    const directory = sample.work;
    const listed = runGit(directory, ["index-pack", "--stdin", "--fix-thin"], pack);
    expect(listed.status, listed.stderr).toBe(0);
    const id = /^pack\t([0-9a-f]+)/m.exec(listed.stdout.toString())?.[1] ?? "";
    const index = readFileSync(join(directory, ".git", "objects", "pack", `pack-${id}.idx`));
    return runGit(directory, ["show-index"], index)
      .stdout.toString()
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "")
      .sort();
  };

  it.each<[string, string[]]>([
    ["a clone", ["want @4", "want @2", "done"]],
    ["a clone without done", ["want @4"]],
    ["ids in capitals", ["want @4", "HAVE @1", "done"]],
    ["a fetch that is done", ["want @4", "have @2", `have ${strange}`, "done"]],
    ["a fetch that is ready", ["want @4", `have ${strange}`, "have @2", "have @2"]],
    ["a fetch of nothing new", ["want @2", "have @2", "done"]],
    [
      "thin, with tags",
      ["want @4", "have @2", "thin-pack", "ofs-delta", "include-tag", "no-progress", "done"],
    ],
    ["done without wants", ["wait-for-done", "done"]],
  ])("%s", async (_, args) => {
    const capitals = expand(args).map((line) =>
      line.startsWith("HAVE ") ? `have ${line.slice(5).toUpperCase()}` : line,
    );
    const lines = ["command=fetch", "0001", ...capitals, "0000"];
    const expected = sections(askGit(lines, sample.bare).stdout);
    const answer = sections((await askMillrace(lines, sample.bare)).stdout);
    expect(answer.before).toEqual(expected.before);
    expect(objectsOf(answer.pack)).toEqual(objectsOf(expected.pack));
    if (args.includes("no-progress")) expect(answer.told).toBe("");
    else expect(answer.told).toMatch(/Total \d+ \(delta \d+\), reused \d+ \(delta \d+\), pack-reused \d+\n$/);
  });

  it("shows the progress that git shows, without compression", async () => {
    const lines = ["command=fetch", "0001", "want @4", "done", "0000"];
    const shown = (bytes: Buffer): string[] =>
      (sections(bytes).told.match(/[^\r\n]*[\r\n]/g) ?? []).filter((line) =>
        /^(Enumerating|Counting)/.test(line),
      );
    expect(shown((await askMillrace(lines, sample.bare)).stdout)).toEqual(
      shown(askGit(lines, sample.bare).stdout),
    );
  });
});

describe("advertisement", () => {
  const words = (bytes: Uint8Array): string[] =>
    readPackets(bytes).map((each) => each.toString().replace(/^agent=.*\n$/, "agent\n"));

  it("offers what git offers, as far as it is there", async () => {
    const expected = runGit(sample.bare, ["upload-pack", "--http-backend-info-refs", "."], "", {
      GIT_PROTOCOL: "version=2",
    });
    const host = createGitHost(sample.bare);
    expect(words(await collect(advertiseUploadPack(host, { version: 2, http: true })))).toEqual(
      words(expected.stdout),
    );
    const least = await collect(advertiseUploadPack({ objectFormat: "sha1" }, { version: 2 }));
    expect(words(least)).toEqual(
      words(expected.stdout)
        .filter((word) => word !== "object-info\n")
        .map((word) => word.replace("shallow wait-for-done", "wait-for-done")),
    );
  });

  it("comes first where the conversation has a state, and requests follow until a flush", async () => {
    const requests = packets(
      "command=ls-refs",
      "0000",
      "command=ls-refs",
      "0001",
      "peel",
      "0000",
      "0000",
      "junk",
    );
    const expected = runGit(sample.bare, ["upload-pack", "."], requests, { GIT_PROTOCOL: "version=2" });
    const answer = await collect(
      serveUploadPack(createGitHost(sample.bare), [requests], { version: 2, stateless: false }),
    );
    const length = (bytes: Uint8Array): number => words(bytes).indexOf("0000");
    expect(words(answer).slice(length(answer))).toEqual(
      words(expected.stdout).slice(length(expected.stdout)),
    );
  });
});
