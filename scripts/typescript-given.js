/** The same as typescript-threads.js for threads that are built: for those alone that a test gives a module of its own. */
import { isMainThread, workerData } from "node:worker_threads";

if (!isMainThread && JSON.stringify(workerData ?? null).includes('.ts"'))
  await import("./typescript-threads.js");
