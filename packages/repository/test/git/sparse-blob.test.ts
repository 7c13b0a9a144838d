import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Repository } from "../../src/index.ts";
import { copyToMemory, packOf, withView } from "./memory-repository.ts";
import { type GitRepository, createGitRepository } from "./real-git.ts";
import { objectsOf } from "./upload-pack-oracle.ts";

const HISTORY = `commit refs/heads/main
committer C <c@example.com> 1700000000 +0000
data 1
x
M 100644 inline sparse/some list
data 5
/top

M 100644 inline top
data 1
t
M 100644 inline other
data 1
o
tag v1
from refs/heads/main
tagger T <t@example.com> 1700000000 +0000
data 1
v
done
`;

let source: GitRepository;
let repository: Repository;

beforeAll(async () => {
  source = createGitRepository();
  source.run(["fast-import", "--quiet"], HISTORY);
  repository = await copyToMemory(source);
});
afterAll(() => source.remove());

async function fetchSparse(blob: string): Promise<string[]> {
  return withView(repository, async (view) => {
    const wants = [source.text(["rev-parse", "refs/heads/main"])];
    const filter = { kind: "sparse:oid", blob } as const;
    return objectsOf(await packOf(view, { wants, filter }));
  });
}

describe("sparse:oid", () => {
  it.each([
    "main:sparse/some list",
    "v1:sparse/some list",
    "refs/heads/main:sparse/some list",
    "HEAD:sparse/some list",
  ])("reads the patterns at %s", async (spec) => {
    const args = ["rev-list", "--objects", "--no-object-names", "main", `--filter=sparse:oid=${spec}`];
    expect(await fetchSparse(spec)).toEqual(source.text(args).split("\n").toSorted());
  });

  it("reads the patterns in a blob by its id, and below a tree or commit by theirs", async () => {
    const expected = await fetchSparse("main:sparse/some list");
    expect(expected).toHaveLength(4);
    expect(await fetchSparse(source.text(["rev-parse", "main:sparse/some list"]))).toEqual(expected);
    expect(await fetchSparse(`${source.text(["rev-parse", "main:sparse"])}:some list`)).toEqual(expected);
    expect(await fetchSparse(`${source.text(["rev-parse", "main"])}:sparse/some list`)).toEqual(expected);
  });

  it.each(["main", "main:sparse", "main:none", "none:top", "main:top/x", "ee".repeat(20), "", ":", "main:"])(
    "refuses %j as git does",
    async (spec) => {
      await expect(fetchSparse(spec)).rejects.toMatchObject({
        code: "REPOSITORY_BAD_REQUEST",
        clientMessage: `unable to access sparse blob in '${spec}'`,
      });
    },
  );
});
