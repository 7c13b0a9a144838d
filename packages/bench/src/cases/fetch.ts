import type { BenchCase } from "../bench-case.ts";
import { git } from "../process/git.ts";
import { createHaver } from "../repositories/haver.ts";
import { fetchContest } from "./warm-contest.ts";

const COMMITS = 10;
/** git names so many commits in its first round. */
const HAVES = 16;

/** What a client asks for that was here ten commits ago. */
export const fetchCase: BenchCase = {
  name: "fetch",
  async *contests(lab) {
    const { path, tip } = lab.repository;
    const line = (
      await git(path, ["rev-list", "--first-parent", `--max-count=${COMMITS + HAVES}`, tip])
    ).split("\n");
    const haves = line.slice(Math.min(COMMITS, line.length - 1));
    // With a bitmap git knows all that the client has, else only what lies next to what is new.
    const haver = await createHaver(lab, haves);
    yield* fetchContest(
      lab,
      `${COMMITS} commits`,
      { wants: [tip], haves },
      { judge: (pack) => haver.take(pack, [tip]) },
    );
    await haver.remove();
  },
};
