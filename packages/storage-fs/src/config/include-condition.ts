import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { SYMREF_DEPTH } from "@millrace/storage";
import { ifPresent } from "../files/fault.ts";
import { type Place, refPath } from "../place.ts";
import { readLooseRef, readSymbolicLink } from "../refs/ref-file.ts";
import { wildmatch } from "./wildmatch.ts";

/** What conditions and paths of includes are about. */
export interface IncludeScope {
  readonly place: Place;
  /** What `~` stands for. */
  readonly homeDirectory: string;
}

/** A path with `~/` replaced; `undefined` for other users' homes and `%(prefix)/`. */
export function expandHome(path: string, homeDirectory: string): string | undefined {
  if (path.startsWith("%(prefix)/")) return undefined;
  if (!path.startsWith("~")) return path;
  return path === "~" || path.startsWith("~/") ? homeDirectory + path.slice(1) : undefined;
}

/**
 * Whether the condition of an `includeIf` section holds (git-config, "Conditional includes"): `gitdir:`, `gitdir/i:`
 * and `onbranch:`; others do not. `file` is the configuration file that has the section.
 */
export async function includeHolds(condition: string, file: string, scope: IncludeScope): Promise<boolean> {
  for (const [keyword, ignoreCase] of [
    ["gitdir:", false],
    ["gitdir/i:", true],
  ] as const) {
    if (condition.startsWith(keyword))
      return matchesGitDir(condition.slice(keyword.length), { file, scope, ignoreCase });
  }
  if (!condition.startsWith("onbranch:")) return false;
  const branch = await currentBranch(scope.place);
  return branch !== undefined && wildmatch(withTail(condition.slice("onbranch:".length)), branch);
}

function withTail(pattern: string): string {
  return pattern.endsWith("/") ? `${pattern}**` : pattern;
}

interface GitDirMatch {
  readonly file: string;
  readonly scope: IncludeScope;
  readonly ignoreCase: boolean;
}

async function matchesGitDir(condition: string, match: GitDirMatch): Promise<boolean> {
  const { scope, ignoreCase } = match;
  const { prefix, rest } = await gitDirPattern(condition, match);
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  // As it is called first by its real name, then by the one it was opened under.
  for (const path of [await realpath(scope.place.gitDir), resolve(scope.place.gitDir)]) {
    if (!fold(path).startsWith(fold(prefix))) continue;
    if (wildmatch(rest, path.slice(prefix.length), { ignoreCase })) return true;
  }
  return false;
}

/** What of the pattern is taken literally, and the glob behind it. */
async function gitDirPattern(
  condition: string,
  { file, scope }: GitDirMatch,
): Promise<{ readonly prefix: string; readonly rest: string }> {
  const home = condition.startsWith("~") ? await ifPresent(realpath(scope.homeDirectory)) : undefined;
  const pattern = expandHome(condition, home ?? scope.homeDirectory) ?? condition;
  if (pattern.startsWith("./")) {
    const directory = dirname(await realpath(file));
    const prefix = directory === "/" ? "/" : `${directory}/`;
    return { prefix, rest: withTail(pattern.slice(2)) };
  }
  return { prefix: "", rest: withTail(isAbsolute(pattern) ? pattern : `**/${pattern}`) };
}

/** The branch that HEAD comes to by way of symbolic refs, without `refs/heads/`. */
async function currentBranch(place: Place): Promise<string | undefined> {
  let name = "HEAD";
  for (let depth = 0; depth <= SYMREF_DEPTH; depth++) {
    const path = refPath(place, name);
    // Only symbolic refs matter, which are the same in every object format.
    const raw = (await readSymbolicLink(path)) ?? (await readLooseRef(path, "sha1"));
    if (raw === undefined || raw === "broken" || raw.symref === undefined) break;
    name = raw.symref;
  }
  return name.startsWith("refs/heads/") ? name.slice("refs/heads/".length) : undefined;
}
