import { commitTime } from "../history.ts";

/** Ways to clone; after those that leave something out, git is made to need it. */
export const clones: readonly (readonly string[])[] = [
  [],
  ["--mirror"],
  ["--single-branch", "--branch=open"],
  ["--no-tags"],
  ["--depth=1"],
  ["--depth=3"],
  ["--depth=2", "--no-single-branch"],
  ["--depth=2147483647"],
  [`--shallow-since=${commitTime(14)}`],
  ["--shallow-exclude=v1"],
  ["--shallow-exclude=v1", `--shallow-since=${commitTime(12)}`],
  ["--filter=blob:none", "--no-checkout"],
  ["--filter=blob:limit=1k", "--no-checkout"],
  ["--filter=tree:0", "--no-checkout"],
  ["--filter=tree:2", "--no-checkout"],
  ["--filter=object:type=commit", "--no-checkout"],
  ["--filter=sparse:oid=main:.sparse", "--no-checkout"],
  ["--filter=combine:blob:limit=20+tree:3", "--no-checkout"],
  ["--filter=blob:none", "--depth=2", "--no-checkout"],
];

/** A clone, and fetches one after another into it. */
export const sequences: readonly (readonly (readonly string[])[])[] = [
  [["--depth=1"], ["--deepen=2"], ["--deepen=1"], ["--unshallow"]],
  [["--depth=2", "--no-single-branch"], ["--depth=5"], [`--shallow-since=${commitTime(10)}`], ["--depth=1"]],
  [["--shallow-exclude=v1"], ["--unshallow", "--tags"]],
];
