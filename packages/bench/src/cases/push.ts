import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCase, Subject } from "../bench-case.ts";
import type { Lab } from "../lab.ts";
import { initBare } from "../repositories/init-bare.ts";
import { measureServer } from "../servers/measure-server.ts";
import type { ServerUnderTest } from "../servers/server-under-test.ts";
import { type Ref, pushPack } from "../wire/push.ts";

/** What a push consists of. */
export interface PushedPack {
  readonly refs: readonly Ref[];
  readonly packPath: string;
}

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
    pushSubject("git", undefined, lab, pushed, (root) => lab.startGit(root), {}),
    pushSubject("git, fsckObjects", undefined, lab, pushed, (root) => lab.startGit(root), CHECKED),
    pushSubject("millrace", "fsck included", lab, pushed, (root) => lab.startMillrace(root), {}),
  ];
}

function pushSubject(
  name: string,
  note: string | undefined,
  lab: Lab,
  { refs, packPath }: PushedPack,
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
        const push = async (): Promise<{ wallSeconds: number }> => ({
          wallSeconds: await pushPack(server.port, "pushed.git", refs, packPath),
        });
        return await measureServer(server, push, { memory: true });
      } finally {
        await rm(root, { recursive: true });
      }
    },
  };
}
