/** The code of threads. This file stays at the top of `src`, so that the paths are right for the bundles in `dist`, too. */
export const FUSE_WORKER: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./front/fuse/worker.ts" : "./fuse-worker.js",
  import.meta.url,
);
