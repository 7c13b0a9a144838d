import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCase, Subject } from "../bench-case.ts";
import type { Lab } from "../lab.ts";
import { initBare } from "../repositories/init-bare.ts";
import { type OperationRun, measureServer } from "../servers/measure-server.ts";
import type { ServerUnderTest } from "../servers/server-under-test.ts";
import { type PushedPack, pushPack } from "../wire/push.ts";

/** What old, honest histories have is no error to our checks; nor is it to be to git's, or it would stop early. */
const CHECKED: Readonly<Record<string, string>> = {
  "receive.fsckObjects": "true",
  "receive.fsck.zeroPaddedFilemode": "warn",
  "receive.fsck.badTimezone": "warn",
  "receive.fsck.missingSpaceBeforeDate": "warn",
};

/** The whole history in one push over HTTP into an empty repository. */
export const pushCase: BenchCase = {
  name: "push",
  async *contests(lab) {
    yield { name: "everything", subjects: pushSubjects(lab, lab.repository) };
  },
};

/** Those who take a pack into an empty repository, each time by a server that has just been started. */
export function pushSubjects(lab: Lab, pushed: PushedPack): Subject[] {
  return [
    pushSubject("git", "no fsck", lab, pushed, (root) => lab.startGit(root), {}),
    pushSubject("git, fsckObjects", "fsck", lab, pushed, (root) => lab.startGit(root), CHECKED),
    pushSubject("millrace", "fsck, graph", lab, pushed, (root) => lab.startMillrace(root), {}),
  ];
}

function pushSubject(
  name: string,
  note: string | undefined,
  lab: Lab,
  pushed: PushedPack,
  start: (root: string) => Promise<ServerUnderTest>,
  config: Readonly<Record<string, string>>,
): Subject {
  return {
    name,
    note,
    async measure() {
      const root = await lab.folder("push");
      await initBare(join(root, "pushed.git"), config);
      try {
        await using server = await start(root);
        const push = async (): Promise<OperationRun> => ({
          wallSeconds: await pushPack(server.port, "pushed.git", pushed),
        });
        return await measureServer(server, push, { strain: true });
      } finally {
        await rm(root, { recursive: true });
      }
    },
  };
}
