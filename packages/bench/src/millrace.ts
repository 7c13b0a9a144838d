/** All that the bench knows of Millrace's own options: names and values stand here and nowhere else. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { gitEnvironment } from "./process/git.ts";

/** A way to run `indexPack`. */
export interface IndexPackVariant {
  /** How it is called in the results. */
  readonly name: string;
  readonly threads: number;
  /** Passed on to the program that indexes. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The ways that exist. */
export const indexPackVariants: readonly IndexPackVariant[] = [1, 2].flatMap((threads) => [
  { name: "millrace", threads, options: { threads, detectCollisions: true } },
  { name: "millrace, no detection", threads, options: { threads, detectCollisions: false } },
]);

/** What an indexed pack has been put through besides, for the results. */
export const indexPackNote = "fsck and graph included";

/** The built command line of the server. */
export const serverCli: string = join(
  createRequire(import.meta.url).resolve("@millrace/server"),
  "../cli.js",
);

/** Serves the repositories of a folder on a free port. */
export function serveArguments(root: string): string[] {
  return ["serve", "--root", root, "--listen", "127.0.0.1:0"];
}

/** The environment our processes run in: git's, with a place of their own for what they remember between runs. */
export function millraceEnvironment(home: string): Record<string, string> {
  return { ...gitEnvironment, HOME: home, XDG_CACHE_HOME: join(home, "cache") };
}

/** A program of this package that runs in a process of its own. */
export function program(name: "probe" | "cgi-host" | "index-pack" | "enumerate"): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}
