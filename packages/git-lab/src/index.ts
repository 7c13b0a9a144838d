/** The real git as tests ask it. */
export { git, gitEnvironment, tryGit } from "./git.ts";
export { findNewerGit, runNewerGit } from "./newer-git.ts";
