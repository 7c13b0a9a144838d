import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import { git } from "../process/git.ts";
import { initBare } from "./init-bare.ts";

/** A client that has the history behind some commits and nothing else. */
export interface Haver {
  /** Completes an answer to a fetch by what the client has. Throws where git then lacks something behind the wants. */
  take(pack: Uint8Array, wants: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

/** Makes one beside the measured repository. */
export async function createHaver(lab: Lab, haves: readonly string[]): Promise<Haver> {
  const folder = await lab.folder("haver");
  const has = join(folder, "has.git");
  await initBare(has);
  const revisions = join(folder, "haves");
  await writeFile(revisions, `${haves.join("\n")}\n`);
  const packed = join(has, "objects/pack/pack");
  await git(lab.repository.path, ["pack-objects", "-q", "--revs", packed], { stdin: revisions });
  return {
    async take(pack, wants) {
      // What one answer brings is not to help the next one.
      const path = join(folder, "takes.git");
      try {
        await initBare(path);
        await mkdir(join(path, "objects/info"), { recursive: true });
        await writeFile(join(path, "objects/info/alternates"), `${join(has, "objects")}\n`);
        const answer = join(folder, "answer.pack");
        await writeFile(answer, pack);
        await git(path, ["index-pack", "--stdin", "--fix-thin"], { stdin: answer });
        await git(path, ["rev-list", "--objects", "--quiet", ...wants, "--not", ...haves]);
      } finally {
        await rm(path, { recursive: true });
      }
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
