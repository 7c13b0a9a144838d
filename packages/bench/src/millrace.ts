/** All that the bench knows of Millrace's own options: names and values stand here and nowhere else. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { gitEnvironment } from "@millrace/scenarios/git";

/** A way to index a pack. */
export interface IndexPackSettings {
  readonly threads: number;
  readonly detectCollisions: boolean;
  /** Check the objects and write the graph of the pack, in the same pass. */
  readonly fsckAndGraph: boolean;
}

/** A way to index a pack, and how it is called in the results. */
export interface IndexPackVariant {
  readonly name: string;
  readonly settings: IndexPackSettings;
}

/** The ways that are measured with so many threads. */
export function indexPackVariants(threads: number): IndexPackVariant[] {
  return [
    { name: "millrace", settings: { threads, detectCollisions: true, fsckAndGraph: false } },
    { name: "millrace, no detection", settings: { threads, detectCollisions: false, fsckAndGraph: false } },
    { name: "millrace, fsck and graph", settings: { threads, detectCollisions: true, fsckAndGraph: true } },
  ];
}

/** What an indexed pack has been put through besides, for the results. */
export function indexPackNote({ detectCollisions, fsckAndGraph }: IndexPackSettings): string {
  return `${fsckAndGraph ? "fsck, graph" : "no fsck, no graph"}${detectCollisions ? "" : ", no collision detection"}`;
}

/** The built command line of the server. */
export const serverCli: string = join(
  createRequire(import.meta.url).resolve("@millrace/server"),
  "../cli.js",
);

/** The built command line of mounts. */
export const mountCli: string = join(
  createRequire(import.meta.url).resolve("@millrace/fs-mount"),
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
