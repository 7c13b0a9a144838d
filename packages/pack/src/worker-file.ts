/**
 * The code of a worker thread. This file stays at the top of `src`, so that the path is right for the bundles at the
 * top of `dist`, too.
 */
export const WORKER_FILE: URL = import.meta.url.endsWith(".ts")
  ? new URL("./workers/pack-worker.ts", import.meta.url)
  : new URL("./pack-worker.js", import.meta.url);
