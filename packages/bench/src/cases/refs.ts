import { join } from "node:path";
import type { BenchCase, Subject } from "../bench-case.ts";
import { createManyRefs } from "../repositories/many-refs.ts";
import { measureServer } from "../servers/measure-server.ts";
import { lsRefs } from "../wire/fetch.ts";
import { type RawAnswer, rawRequest } from "../wire/raw-request.ts";
import { repeatSeconds } from "./warm-contest.ts";

const REPOSITORY = "refs.git";

/** A list of 100,000 refs, one in ten an annotated tag, in both ways that clients ask for it. */
export const refsCase: BenchCase = {
  name: "refs",
  async *contests(lab) {
    const count = lab.quick ? 1000 : 100_000;
    const root = await lab.folder("refs");
    await createManyRefs(join(root, REPOSITORY), count);
    await using git = await lab.startGit(root);
    await using millrace = await lab.startMillrace(root);
    const ways: Readonly<Record<string, (port: number, keep: boolean) => Promise<RawAnswer>>> = {
      "info/refs, v0": (port, keep) =>
        rawRequest(port, { path: `/${REPOSITORY}/info/refs?service=git-upload-pack`, keep }),
      "ls-refs, v2": (port, keep) => lsRefs(port, REPOSITORY, [], keep),
    };
    for (const [name, ask] of Object.entries(ways)) {
      const [theirs, ours] = [await ask(git.port, true), await ask(millrace.port, true)];
      const refs = refLines(ours);
      if (refs < count || refs !== refLines(theirs)) throw new Error(`${name}: ${refs} refs listed`);
      const subject = (subjectName: string, server: typeof git): Subject => ({
        name: subjectName,
        measure: () =>
          measureServer(server, () => ask(server.port, false), { atLeastSeconds: repeatSeconds(lab) }),
      });
      yield { name, subjects: [subject("git", git), subject("millrace", millrace)] };
    }
  },
};

/** How many names an answer holds; peeled tags stand on lines of their own in one of the two ways. */
function refLines({ body }: RawAnswer): number {
  return body.toString("latin1").match(/^.{4}[0-9a-f]{40} refs\/[^\n]*\n/gm)?.length ?? 0;
}
