import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ObjectFormat } from "@millrace/pack";
import { git } from "../git.ts";
import { startGitHttpBackend } from "../git-http-backend.ts";
import { createHistory } from "../history.ts";
import { createScratch } from "../scratch.ts";
import type { WorkTree } from "../work-tree.ts";

/** How git is reached: its client fetches tags in other steps over HTTP. */
export type Transport = "HTTP" | "stdio";

/** The real git's server over a history that the endpoints are given as well. */
export interface Oracle extends AsyncDisposable {
  readonly url: string;
  /** The history's working tree. */
  readonly local: WorkTree;
}

/** Serves the history with the real git. */
export async function openOracle(transport: Transport, format: ObjectFormat): Promise<Oracle> {
  const scratch = await createScratch();
  const local = await createHistory(join(scratch.path, "local"), format);
  const bare = join(scratch.path, "oracle.git");
  await git(["clone", "--quiet", "--mirror", local.path, bare]);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"]) {
    await git(["config", key, "true"], { cwd: bare });
  }
  const backend = transport === "HTTP" ? await startGitHttpBackend(scratch.path) : undefined;
  return {
    url: backend === undefined ? pathToFileURL(bare).href : `${backend.url}/oracle.git`,
    local,
    async [Symbol.asyncDispose]() {
      await backend?.[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}
