import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "../../process/git.ts";
import type { BucketCase } from "../bucket-case.ts";

/** What people do all day with git itself: a push of one commit, a fetch of it from another server, a fetch of nothing. */
export const smallCase: BucketCase = {
  name: "small",
  async *rows(lab) {
    const source = await lab.folder("source");
    await git(source, ["init", "--quiet", "--initial-branch=main"]);
    const commit = async (text: string): Promise<void> => {
      await writeFile(join(source, "file"), text);
      await git(source, ["add", "file"]);
      await git(source, ["commit", "--quiet", "--message", text]);
    };
    await commit("one");
    await using here = await lab.serve();
    await using there = await lab.serve();
    const push = (): Promise<string> => git(source, ["push", "--quiet", `${here.url}/small.git`, "main"]);
    const copy = await lab.folder("copy");
    await git(copy, ["init", "--quiet"]);
    const fetch = (): Promise<string> => git(copy, ["fetch", "--quiet", `${there.url}/small.git`, "main"]);
    await push();
    await fetch();
    await commit("two");
    await push();
    await fetch();

    yield {
      case: "fetch of nothing",
      variant: "git",
      ...(await lab.watch(fetch)),
      bound: { seconds: 0.15, requests: 1, chain: 1 },
    };
    await commit("three");
    // A look for the advertisement, then the push: at most three in a row.
    yield {
      case: "push of one commit",
      variant: "git",
      ...(await lab.watch(push)),
      bound: { seconds: 0.5, chain: 4 },
    };
    // The list of refs, and then the pack: a look, and the one that is new.
    yield {
      case: "fetch of one commit that another server took",
      variant: "git",
      ...(await lab.watch(fetch)),
      bound: { requests: 3, chain: 3 },
    };
  },
};
