/**
 * The code of the threads. This file stays at the top of `src`, so that the paths are right for the bundles at the top
 * of `dist`, too.
 */
const source = import.meta.url.endsWith(".ts");
const file = (name: string): URL => new URL(source ? `./mount/${name}.ts` : `./${name}.js`, import.meta.url);

export const SERVE_WORKER: URL = file("serve-worker");
export const NOTIFY_WORKER: URL = file("notify-worker");
export const READ_WORKER: URL = file("read-worker");

/** The module of the memory file system, for `mount({ module: MEMORY_FILE_SYSTEM })`; the same as `@millrace/fuse/memory`. */
export const MEMORY_FILE_SYSTEM: URL = new URL(
  source ? "./memory/index.ts" : "./memory/index.js",
  import.meta.url,
);
