/** The real git as tests ask it, and programs as they run them. */
export { git, gitEnvironment, tryGit } from "./git.ts";
export { findNewerGit, runNewerGit } from "./newer-git.ts";
export { run, runSync } from "./run/run.ts";
export type { Run, RunOptions } from "./run/run-files.ts";
