import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFsckSession, fsckObject } from "../../src/fsck/session.ts";
import type { ObjectFormat, ObjectType } from "../../src/schema.ts";
import { badObjects, type GoodObjects, treeOf } from "./fsck-cases.ts";
import { type GitRepository, makeHistory, makeRepository, readAllObjects } from "./scan-support.ts";

function store(repository: GitRepository, type: ObjectType, content: Uint8Array): string {
  const args = ["hash-object", "-t", type, "--literally", "-w", "--stdin"];
  return repository.git(args, content).toString().trim();
}

/** What `git fsck --strict` says of each object: `id: text`; "unparsable" where git gives up before its checks. */
function gitFindings(repository: GitRepository): Map<string, string[]> {
  const output = repository.gitOutput(["fsck", "--strict", "--no-dangling", "--no-progress"]);
  const findings = new Map<string, string[]>();
  const add = (oid: string, text: string) => findings.set(oid, [...(findings.get(oid) ?? []), text]);
  for (const line of output.split("\n")) {
    const reported =
      /^(?:error|warning) in (?:commit|tree|blob|tag|unknown) ([0-9a-f]+): ([a-zA-Z0-9]+: .*)$/.exec(line);
    if (reported !== null) add(reported[1]!, reported[2]!);
    const unparsable = /^error: ([0-9a-f]+): object could not be parsed/.exec(line);
    if (unparsable !== null) add(unparsable[1]!, "unparsable");
  }
  return findings;
}

describe.each(["sha1", "sha256"] as const)("git fsck --strict, %s", (format: ObjectFormat) => {
  let repository: GitRepository;
  let good: GoodObjects;

  beforeAll(() => {
    repository = makeRepository(format);
    const blob = store(repository, "blob", Buffer.from("[core]\n"));
    const tree = repository.git(["mktree"], `100644 blob ${blob}\tfile\n`).toString().trim();
    const commit = repository.git(["commit-tree", "-m", "good", tree]).toString().trim();
    good = { blob, tree, commit };
  });
  afterAll(() => repository.remove());

  it("agrees about every hand-made object", () => {
    const objects = badObjects(good);
    const oids = objects.map(({ type, content }) => store(repository, type, content));
    const wanted = gitFindings(repository);
    expect(wanted.size).toBeGreaterThan(60);
    for (const [i, { name, type, content }] of objects.entries()) {
      const found = fsckObject(type, content, format);
      const git = wanted.get(oids[i]!) ?? [];
      if (git.includes("unparsable")) {
        expect(
          found.some(({ severity }) => severity === "error"),
          `${name}: git cannot parse it`,
        ).toBe(true);
      } else {
        expect(found.map(({ id, message }) => `${id}: ${message}`).sort(), name).toEqual(git.sort());
      }
    }
  });

  it("agrees that an ordinary history is sound", () => {
    const history = makeRepository(format);
    try {
      makeHistory(history);
      for (const { oid, type, content } of readAllObjects(history)) {
        expect(fsckObject(type, content, format), oid).toEqual([]);
      }
      expect(gitFindings(history)).toEqual(new Map());
    } finally {
      history.remove();
    }
  });
});

const MODULES: readonly string[] = [
  '[submodule "a"]\n\tpath = a\n\turl = https://example.com/a.git\n',
  '[submodule ".."]\n\turl = ./a\n',
  '[submodule "../a"]\n\turl = ./a\n',
  '[submodule "a/../b"]\n\turl = ./a\n',
  '[submodule "a\\\\..\\\\b"]\n\turl = ./a\n',
  '[submodule "a..b"]\n\turl = ./a\n',
  '[submodule ""]\n\turl = ./a\n',
  '[submodule "a"]\n\turl = -u\n',
  '[submodule "a"]\n\turl = "--upload-pack=touch x"\n',
  '[submodule "a"]\n\tpath = -p\n',
  '[submodule "a"]\n\tupdate = !rm\n',
  '[submodule "a"]\n\tupdate = checkout\n',
  '[submodule "a"]\n\turl = ./%0ahost=x\n',
  '[submodule "a"]\n\turl = git://example.com:1234/a%0a.git\n',
  '[submodule "a"]\n\turl = git://example.com/a\n',
  '[submodule "a"]\n\turl = ../:x\n',
  '[submodule "a"]\n\turl = .././../:x\n',
  '[submodule "a"]\n\turl = ..//x\n',
  '[submodule "a"]\n\turl = ..\\\\../:x\n',
  '[submodule "a"]\n\turl = ./:x\n',
  '[submodule "a"]\n\turl = .//x\n',
  '[submodule "a"]\n\turl = https:///example.com/a\n',
  '[submodule "a"]\n\turl = https://\n',
  '[submodule "a"]\n\turl = https://example.com:99999/a\n',
  '[submodule "a"]\n\turl = https://example.com:8443/a\n',
  '[submodule "a"]\n\turl = https://example.com/%0a\n',
  '[submodule "a"]\n\turl = https://example.com/%zz\n',
  '[submodule "a"]\n\turl = https://user:pass@example.com/a?b#c\n',
  '[submodule "a"]\n\turl = https://example.com/../a\n',
  '[submodule "a"]\n\turl = https::https://example.com/a\n',
  '[submodule "a"]\n\turl = http::example.com/a\n',
  '[submodule "a"]\n\turl = ftp://[::1]/a\n',
  '[submodule "a"]\n\turl = ssh://git@example.com/a%0a\n',
  '[submodule "a"]\n\turl = git@example.com:a\n',
  '[submodule "a"]\n\turl\n\tpath\n',
  "[submodule.a]\n\turl = -u\n",
  '[SubModule "A"]\n\tURL = -u\n',
  "[submodule]\n\turl = -u\n",
  "[core]\n\turl = -u\n",
  '[submodule "a"] url = -u\n',
  '[submodule "a"]\n\turl = "-u" ; comment\n# comment\n',
  '[submodule "a"]\n\turl = \\\n-u\n',
  '[submodule "a"]\n\turl = "unclosed\n',
  '[submodule "a"]\n\turl = bad \\x escape\n',
  '[submodule "a\n',
  '[submodule "a"\n',
  "url = -u\n",
  '[submodule "a"]\n\t1url = x\n',
  '[submodule "a"]\r\n\turl = -u\r\n',
  "",
  '[submodule "a"]\n\turl = -u\n[broken',
  '[submodule "a"]\n\tur_l = x\n',
];

describe("blobs that git reads itself", () => {
  it("agrees about .gitmodules", async () => {
    for (const text of MODULES) {
      const blob = new Uint8Array(Buffer.from(text, "latin1"));
      await compare(".gitmodules", blob, "100644", JSON.stringify(text));
    }
  });

  it("agrees about .gitattributes", async () => {
    for (const text of [
      "*.c diff=cpp\n",
      `${"a".repeat(2047)}\n`,
      `x\n${"a".repeat(2048)}\n`,
      "a".repeat(2048),
      "",
    ]) {
      await compare(".gitattributes", new Uint8Array(Buffer.from(text)), "100644", `${text.length} bytes`);
    }
  });

  it("agrees about trees in their place", async () => {
    await compare(".gitmodules", undefined, "40000", "tree");
    await compare(".gitattributes", undefined, "40000", "tree");
  });
});

/** Stores one tree with one such entry and compares what git and a session say in the end. */
async function compare(
  name: string,
  blob: Uint8Array | undefined,
  mode: string,
  what: string,
): Promise<void> {
  const repository = makeRepository("sha1");
  try {
    const empty = store(repository, "tree", new Uint8Array(0));
    const oid = blob === undefined ? empty : store(repository, "blob", blob);
    const tree = treeOf([`${mode} ${name}\t${oid}`], { blob: oid, tree: empty, commit: "" });
    store(repository, "tree", tree);
    const session = createFsckSession("sha1");
    expect(session.check("tree", tree)).toEqual([]);
    expect(session.pendingBlobs).toBe(1);
    const found = await session.finish(async (asked) => {
      expect(asked).toBe(oid);
      return blob === undefined
        ? { type: "tree", content: new Uint8Array(0) }
        : { type: "blob", content: blob };
    });
    const wanted = gitFindings(repository).get(oid) ?? [];
    expect(
      found.map(({ id, message }) => `${id}: ${message}`),
      what,
    ).toEqual(wanted);
    expect(found.every((finding) => finding.oid === oid)).toBe(true);
  } finally {
    repository.remove();
  }
}
