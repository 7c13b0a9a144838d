import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Repository, enumerateObjects, parseSparsePatterns, planFilter } from "../../src/index.ts";
import { copyToMemory, withView } from "./memory-repository.ts";
import { type GitRepository, createGitRepository } from "./real-git.ts";

/** Names that make patterns work: pattern characters, spaces, bytes beyond ASCII, prefixes of each other. */
const NAMES = [
  "a",
  "ab",
  "abc",
  "b",
  "a-b",
  "]",
  "[",
  "*",
  "a b",
  "b ",
  "!a",
  "#a",
  "\\a",
  "é",
  "A",
  "1",
  "ä1",
];

let source: GitRepository;
let repository: Repository;
let tip: string;
const paths = new Map<string, string>();

beforeAll(async () => {
  source = createGitRepository();
  source.run(["fast-import", "--quiet"], oneCommit());
  tip = source.text(["rev-parse", "refs/heads/main"]);
  for (const line of source.text(["ls-tree", "-r", "-z", tip]).split("\0")) {
    if (line !== "") paths.set(line.slice(12, 52), line.slice(53));
  }
  repository = await copyToMemory(source);
});

/** Readable, for the day the two differ. */
function blobsOf(oids: readonly string[]): string[] {
  return oids.flatMap((oid) => paths.get(oid) ?? []).toSorted();
}
afterAll(() => source.remove());

/** Every name as a file, in directories of every name, two levels of them under some; each file with a content of its own. */
function oneCommit(): string {
  const paths = NAMES.map((name) => `${name}.f`);
  for (const directory of NAMES) {
    for (const name of NAMES) paths.push(`${directory}/${name}`);
    for (const name of NAMES.slice(0, 8)) paths.push(`${directory}/ab!/${name}`, `x/${directory}/${name}`);
  }
  const lines = ["commit refs/heads/main", "committer C <c@example.com> 1700000000 +0000", "data 1", "x"];
  for (const path of paths) {
    const quoted = `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
    const content = `in ${path}`;
    lines.push(`M 100644 inline ${quoted}`, `data ${Buffer.byteLength(content)}`, content);
  }
  return `${lines.join("\n")}\ndone\n`;
}

function fromGit(patterns: string): string[] {
  const blob = source.text(["hash-object", "-w", "--stdin"], patterns);
  const args = ["rev-list", "--objects", "--no-object-names", `--filter=sparse:oid=${blob}`, tip];
  return blobsOf(source.text(args).split("\n"));
}

async function fromUs(patterns: string): Promise<string[]> {
  const filter = await planFilter({ kind: "sparse:oid", blob: "-" }, async () =>
    parseSparsePatterns(Buffer.from(patterns)),
  );
  return withView(repository, async (view) => {
    const options = { wants: [tip], haves: [], filter };
    const { table, numbers } = await enumerateObjects(await view.objects(), options);
    return blobsOf(Array.from(numbers, (number) => table.oidAt(number)));
  });
}

const literals = fc.constantFrom("a", "ab", "b", "x", "-", "]", "[", "!", " ", "#", "é", "1", "f", "/", "\\");
const stars = fc.constantFrom("*", "**", "?", "/", "\\*", "\\[", "\\ ", "**/", "/**", "/*");
const classes = fc.constantFrom(
  "[ab]",
  "[!a]",
  "[^b]",
  "[a-c]",
  "[]a]",
  "[!]]",
  "[a-]",
  "[[:alpha:]]",
  "[[:digit:]x]",
  "[[:nope:]]",
  "[[:upper:]-b]",
  "[\\]]",
  "[a",
  "[[:a]",
  "[[]",
  "[\\a-\\c]",
  "[[::]]",
);
const pieces = fc.oneof(literals, stars, classes);
const line = fc
  .tuple(
    fc.constantFrom("", "", "!"),
    fc.array(pieces, { minLength: 1, maxLength: 5 }),
    fc.constantFrom("", "/"),
  )
  .map(([start, middle, end]) => start + middle.join("") + end);
const file = fc
  .tuple(
    fc.constantFrom("", "", "\u{feff}"),
    fc.array(
      fc.oneof(
        { weight: 8, arbitrary: line },
        fc.constantFrom("", " ", "# no", "/", "/*", "*", "!/*/", "\r"),
      ),
      {
        minLength: 1,
        maxLength: 5,
      },
    ),
    fc.constantFrom("\n", "\n", "\r\n"),
    fc.boolean(),
  )
  .map(([mark, lines, end, isEnded]) => mark + lines.join(end) + (isEnded ? end : ""));

describe("sparse patterns", () => {
  it("take in what git's take in", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(file, async (patterns) => {
        expect(await fromUs(patterns)).toEqual(fromGit(patterns));
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ["/*\n!/*/\n", "files at the top"],
    ["/*\n!/*/\n/x/\n!/x/*/\n", "a cone"],
    ["**/ab\n", "a name anywhere"],
    ["x/**/a\n", "any number of directories between"],
    ["a**/b\n", "two stars that git takes for directories since they follow a literal start"],
    ["a/**\n!a/b\n", "everything below, but one"],
    ["*.f\n!a*\n", "an ending, without a beginning"],
    ["ab!/\n", "directories of one name"],
    ["[[:alpha:]]/\n", "a class"],
    ["b\\ \nb \n", "a kept space and a dropped one"],
  ])("%j: %s", async (patterns) => {
    expect(await fromUs(patterns)).toEqual(fromGit(patterns));
  });
});
