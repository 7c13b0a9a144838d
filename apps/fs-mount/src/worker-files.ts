import { fileURLToPath } from "node:url";

/** The code of threads. This file stays at the top of `src`, so that the paths are right for the bundles in `dist`, too. */
export const FUSE_WORKER: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./front/fuse/worker.ts" : "./fuse-worker.js",
  import.meta.url,
);

/** The program that git runs for a remote in a bucket. It is run as it was built: git starts it, with nothing that reads sources. */
export const HELPER_PROGRAM: string = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../dist/git-remote-millrace.js" : "./git-remote-millrace.js",
    import.meta.url,
  ),
);
