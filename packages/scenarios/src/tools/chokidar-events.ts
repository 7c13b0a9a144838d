import { relative } from "node:path";
import { watch } from "chokidar";

/** Prints `ready`, then each event below the current folder, a line each, its path relative: some come absolute, until its input ends. */
const watcher = watch(".", { ignored: /(?:^|\/)\.git(?:\/|$)/, ignoreInitial: true });
watcher.on("all", (event, path) => console.log(`${event} ${relative(process.cwd(), path)}`));
watcher.on("ready", () => console.log("ready"));
process.stdin.on("end", () => void watcher.close()).resume();
