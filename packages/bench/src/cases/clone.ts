import type { BenchCase, Subject } from "../bench-case.ts";
import type { Lab } from "../lab.ts";
import { measureServer } from "../servers/measure-server.ts";
import type { ServerUnderTest } from "../servers/server-under-test.ts";
import type { FetchRequest } from "../wire/fetch.ts";
import { allTips, fetchContest, fetching, served } from "./warm-contest.ts";

/** Everything, drained into a raw socket; git has a bitmap. */
export const cloneCase: BenchCase = {
  name: "clone",
  async *contests(lab) {
    const request: FetchRequest = { wants: allTips(lab) };
    yield { name: "first of all", subjects: startedSubjects(lab, request, { remembers: false }) };
    // This contest's first requests leave behind what a server remembers between runs.
    yield* fetchContest(lab, "warm", request, { objects: lab.repository.facts.objects });
    yield { name: "after a restart", subjects: startedSubjects(lab, request, { remembers: true }) };
  },
};

/** Servers that have just been started, one of ours with or without what others before it have worked out. */
function startedSubjects(
  lab: Lab,
  request: FetchRequest,
  { remembers }: { readonly remembers: boolean },
): Subject[] {
  const { root, repository } = served(lab);
  const subject = (name: string, start: () => Promise<ServerUnderTest>): Subject => ({
    name,
    async measure() {
      await using server = await start();
      return await measureServer(server, fetching(server, repository, request));
    },
  });
  let starts = 0;
  // Its bitmap was made beforehand, what ours remembers was not.
  const unprepared = subject("git, no bitmap", () => lab.startGit(root, { "pack.useBitmaps": "false" }));
  return [
    subject("git", () => lab.startGit(root)),
    ...(remembers ? [] : [unprepared]),
    subject("millrace", () => lab.startMillrace(root, remembers ? undefined : `new-${starts++}`)),
  ];
}
