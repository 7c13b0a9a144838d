import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { advertiseReceivePack, type ProtocolError, serveReceivePack } from "../../src/index.ts";
import { git, runGit } from "../support/git.ts";
import { createGitHost } from "../support/git-host.ts";
import { bandOf, collect, packets, readPackets } from "../support/packets.ts";
import {
  createSampleRepository,
  emptyPack,
  packBetween,
  type SampleRepository,
} from "../support/repository.ts";

let sample: SampleRepository;
let fresh: string;
beforeAll(async () => {
  sample = await createSampleRepository();
  git(sample.work, "commit", "-q", "--allow-empty", "-m", "new");
  fresh = git(sample.work, "rev-parse", "HEAD");
});
afterAll(async () => {
  await sample.remove();
});
afterEach(() => {
  for (const name of ["theirs.git", "ours.git"])
    rmSync(join(sample.root, name), { recursive: true, force: true });
});

const zero = "0".repeat(40);
const plain = "\0report-status";
const banded = "\0report-status side-band-64k object-format=sha1 agent=git/test";

/** `@n` is commit n, `@new` one that comes with the pack, `@0` nothing. */
const expand = (lines: readonly string[]): string[] =>
  lines.map((line) =>
    line.replace(/@(new|[0-4])/g, (_, word: string) =>
      word === "new" ? fresh : word === "0" ? zero : (sample.commits[Number(word) - 1] ?? ""),
    ),
  );

interface Outcome {
  readonly answer: Buffer;
  readonly error: string | undefined;
  readonly refs: string;
}

type Pack = "new" | "empty" | "none" | "cut";
const packOf = (pack: Pack): Buffer => {
  if (pack === "none") return Buffer.alloc(0);
  if (pack === "empty") return emptyPack(sample.work);
  const whole = packBetween(sample.work, [sample.commits[3] ?? ""], [fresh]);
  return pack === "cut" ? whole.subarray(0, whole.length - 25) : whole;
};

const copy = (name: string): string => {
  const directory = join(sample.root, name);
  cpSync(sample.bare, directory, { recursive: true });
  return directory;
};

function pushToGit(lines: readonly string[], pack: Pack): Outcome {
  const directory = copy("theirs.git");
  const request = Buffer.concat([packets(...expand(lines)), packOf(pack)]);
  const result = runGit(
    directory,
    ["-c", "receive.advertisePushOptions=true", "receive-pack", "--stateless-rpc", "."],
    request,
  );
  return {
    answer: result.stdout,
    error: /^fatal: (.*)$/m.exec(result.stderr)?.[1],
    refs: git(directory, "for-each-ref"),
  };
}

async function pushToMillrace(lines: readonly string[], pack: Pack): Promise<Outcome> {
  const directory = copy("ours.git");
  const request = Buffer.concat([packets(...expand(lines)), packOf(pack)]);
  let error: ProtocolError | undefined;
  const answer = await collect(
    serveReceivePack(createGitHost(directory, { pushOptions: true }), [request], {
      onError: (told) => {
        error = told;
      },
    }),
  );
  return { answer, error: error?.clientMessage, refs: git(directory, "for-each-ref") };
}

/** Reports, and everything outside bands; what the user reads comes from the host. */
const report = (bytes: Buffer, sideband: boolean): string => {
  if (!sideband) return bytes.toString();
  const found = readPackets(bytes);
  return `${bandOf(found, 1).toString()}|${found.filter((each) => typeof each === "string").join()}`;
};

const pushes: [name: string, lines: string[], pack: Pack][] = [
  ["a fast-forward", [`@4 @new refs/heads/main${banded}`, "0000"], "new"],
  ["a fast-forward, quiet", [`@4 @new refs/heads/main${banded} quiet`, "0000"], "new"],
  ["without bands", [`@4 @new refs/heads/main${plain}`, "0000"], "new"],
  ["without a report", [`@4 @new refs/heads/main`, "0000"], "new"],
  ["with bands and without a report", [`@4 @new refs/heads/main\0side-band-64k`, "0000"], "new"],
  ["a new branch, no objects", [`@0 @4 refs/heads/x${plain}`, "0000"], "empty"],
  ["a line feed", [`@0 @4 refs/heads/x${plain}\n`, "0000"], "empty"],
  ["a deletion", [`@2 @0 refs/heads/topic${plain}`, "0000"], "none"],
  ["a deletion with another old id", [`@1 @0 refs/heads/topic${banded}`, "0000"], "none"],
  ["an old id that is no more", [`@1 @4 refs/heads/topic${banded}`, "@0 @2 refs/heads/y", "0000"], "empty"],
  ["the same, atomic", [`@1 @4 refs/heads/topic${banded} atomic`, "@0 @2 refs/heads/y", "0000"], "empty"],
  ["a shallow client", ["shallow @4", `@0 @4 refs/heads/x${plain}`, "0000"], "empty"],
  ["a list that ends with a delimiter", [`@0 @4 refs/heads/x${banded}`, "0001"], "empty"],
  ["capabilities that are not known", [`@0 @4 refs/heads/x${plain} side-band foo=1`, "0000"], "empty"],
  ["a report in version 2", [`@4 @new refs/heads/main\0report-status-v2 side-band-64k`, "0000"], "new"],
  ["a report in both versions", [`@4 @new refs/heads/main${plain} report-status-v2`, "0000"], "new"],
  ["push options", [`@0 @4 refs/heads/x${plain} push-options`, "0000", "a=b\n", "c", "0000"], "empty"],
  ["no push options", [`@0 @4 refs/heads/x${plain} push-options`, "0000", "0000"], "empty"],
  [
    "push options of a deletion",
    [`@2 @0 refs/heads/topic${plain} push-options`, "0000", "a", "0000"],
    "none",
  ],
  ["an end before the push options", [`@0 @4 refs/heads/x${plain} push-options`, "0000"], "none"],
  ["an end inside the push options", [`@0 @4 refs/heads/x${plain} push-options`, "0000", "a"], "none"],
  ["a flush only", ["0000"], "none"],
  ["shallow lines only", ["shallow @4", "0000"], "none"],
  ["a line that is no command", [`bogus\u001b`, "0000"], "none"],
  ["an id that is none", [`@0 ${"g".repeat(40)} refs/heads/x`, "0000"], "none"],
  ["a command without a ref", ["@0 @4", "0000"], "none"],
  ["a shallow line without an id", ["shallow xx", "0000"], "none"],
  ["another object format", [`@0 @4 refs/heads/x\0report-status object-format=sha256`, "0000"], "empty"],
  ["an end inside the commands", [`@0 @4 refs/heads/x${plain}`], "none"],
];

describe("pushes answered as git answers them", () => {
  it.each(pushes)("%s", async (_, lines, pack) => {
    const expected = pushToGit(lines, pack);
    const outcome = await pushToMillrace(lines, pack);
    expect(outcome.error).toBe(expected.error);
    expect(outcome.refs).toBe(expected.refs);
    if (expected.error === undefined) {
      const sideband = lines[0]?.includes("side-band-64k") === true;
      expect(report(outcome.answer, sideband)).toBe(report(expected.answer, sideband));
    } else expect(outcome.answer.toString()).toBe(packets(`ERR ${expected.error}`).toString());
  });

  it("a pack that is cut off is refused and moves nothing", async () => {
    const lines = [`@4 @new refs/heads/main${banded}`, "0000"];
    const expected = pushToGit(lines, "cut");
    const outcome = await pushToMillrace(lines, "cut");
    expect(outcome.refs).toBe(expected.refs);
    const words = (bytes: Buffer): string => report(bytes, true).replace(/(\w{4})unpack .*/, "unpack ...");
    expect(words(outcome.answer)).toBe(words(expected.answer));
  });
});

describe("one ref twice in a push", () => {
  it.each([
    ["created", ["@0 @2 refs/heads/x"]],
    ["created twice the same", ["@0 @4 refs/heads/x"]],
    ["deleted", ["@2 @0 refs/heads/x"]],
  ])("fails where it comes again, and the rest goes on, as in git: %s", async (_, again) => {
    const lines = [`@0 @4 refs/heads/x${banded}`, ...again, "@0 @2 refs/heads/y", "0000"];
    const expected = pushToGit(lines, "empty");
    const { answer, refs } = await pushToMillrace(lines, "empty");
    expect(report(answer, true)).toBe(report(expected.answer, true));
    expect(refs).toBe(expected.refs);
    const told = (bytes: Buffer): string => bandOf(readPackets(bytes), 2).toString();
    expect(told(answer)).toBe(told(expected.answer));
  });

  it("is refused whole where it is atomic, as by git", async () => {
    const lines = [`@0 @4 refs/heads/x${banded} atomic`, "@0 @2 refs/heads/x", "@0 @2 refs/heads/y", "0000"];
    const expected = pushToGit(lines, "empty");
    const outcome = await pushToMillrace(lines, "empty");
    expect(outcome.answer.toString()).toBe(expected.answer.toString());
    expect(outcome.refs).toBe(expected.refs);
  });
});

describe("advertisement", () => {
  const normal = (bytes: Uint8Array): string[] =>
    readPackets(bytes).map((each) => each.toString().replace(/(agent|session-id)=\S+/g, "$1"));

  it.each([0, 1, 2] as const)("is git's in version %i", async (version) => {
    for (const directory of [sample.bare, sample.empty]) {
      const expected = runGit(directory, ["receive-pack", "--http-backend-info-refs", "."], "", {
        GIT_PROTOCOL: `version=${version}`,
      });
      const answer = await collect(advertiseReceivePack(createGitHost(directory), { version }));
      expect(normal(answer)).toEqual(normal(expected.stdout));
      const http = await collect(advertiseReceivePack(createGitHost(directory), { version, http: true }));
      const service = version === 2 ? [] : ["# service=git-receive-pack\n", "0000"];
      expect(normal(http)).toEqual([...service, ...normal(expected.stdout)]);
    }
  });

  it("is git's for sha256 too", async () => {
    const sha256 = await createSampleRepository("sha256");
    try {
      for (const directory of [sha256.bare, sha256.empty]) {
        const expected = runGit(directory, ["receive-pack", "--http-backend-info-refs", "."]);
        const answer = await collect(advertiseReceivePack(createGitHost(directory)));
        expect(normal(answer)).toEqual(normal(expected.stdout));
      }
    } finally {
      await sha256.remove();
    }
  });

  it("offers push options and tells the session where the policy has them", async () => {
    const config = ["-c", "receive.advertisePushOptions=true", "-c", "transfer.advertiseSID=true"];
    const expected = runGit(sample.bare, [...config, "receive-pack", "--http-backend-info-refs", "."]);
    const host = createGitHost(sample.bare, { pushOptions: true, sessionId: "x" });
    expect(normal(await collect(advertiseReceivePack(host)))).toEqual(normal(expected.stdout));
  });

  it("tells what an alternate has besides, once, and where a shallow repository ends", async () => {
    const borrowing = join(sample.root, "borrowing.git");
    git(sample.root, "clone", "-q", "--bare", "--shared", sample.bare, borrowing);
    git(sample.bare, "branch", "besides", sample.commits[0] ?? "");
    git(sample.bare, "branch", "again", sample.commits[0] ?? "");
    const shallow = join(sample.root, "shallow.git");
    git(sample.root, "clone", "-q", "--bare", "--depth=2", `file://${sample.bare}`, shallow);
    const none = join(sample.root, "none.git");
    git(sample.root, "clone", "-q", "--bare", "--shared", sample.bare, none);
    for (const name of git(none, "for-each-ref", "--format=%(refname)").split("\n"))
      git(none, "update-ref", "-d", name);
    try {
      for (const directory of [borrowing, shallow, none]) {
        const expected = runGit(directory, ["receive-pack", "--http-backend-info-refs", "."]);
        const tips = git(sample.bare, "for-each-ref", "--format=%(objectname)").split("\n");
        const host = {
          ...createGitHost(directory),
          async *alternateTips() {
            if (directory !== shallow) yield* tips;
          },
        };
        expect(normal(await collect(advertiseReceivePack(host)))).toEqual(normal(expected.stdout));
      }
    } finally {
      git(sample.bare, "branch", "-D", "besides", "again");
    }
  });

  it("leaves atomic out where the repository cannot", async () => {
    const answer = await collect(advertiseReceivePack(createGitHost(sample.bare), { atomic: false }));
    expect(answer.toString()).not.toContain("atomic");
  });
});
