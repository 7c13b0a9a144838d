import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigEntry } from "@millrace/storage";
import { CHANGES_FILE } from "../changes-file.ts";

const HOOK = "hooks/millrace-fsmonitor";
/** Directories, with a slash and a NUL behind each, whose changes pass the mount by. Without any there is no such file. */
export const PASSED_BY: string = `${HOOK}-passed-by`;
/**
 * git runs it in the working tree, with the version and a token. Two small programs and one read: whatever had to start a runtime of
 * its own would take longer than a `git status`. In a working tree that is no mount, and in a mount that is read-only, there is no
 * such file: then git looks at everything.
 *
 * From 2.32 until 2.42 a git that compares a commit with the working tree (`git diff HEAD~1`, `git diff-index HEAD`) reads the mode of
 * each file that it was told is unchanged without having asked for it (`check_removed`), and where a directory's is left in memory it
 * takes the file for removed. Such a git is told that all may have changed, and asks for each.
 *
 * Where changes in directories pass the mount by, those are named each time, so that git looks at what it tracks there; and where git does
 * not ignore one, each directory below it by a path in it, since git remembers of each which files are untracked. That is a walk
 * over the native disk, as git's own is.
 */
const SCRIPT = `#!/bin/sh
# Tells git what has changed in the mount since a token (githooks, fsmonitor-watchman): a file of that name answers.
case $1/$2 in 2/*/* | [!2]*) exit 1 ;; esac
asks= git=
read -r asks 2>/dev/null <"/proc/$PPID/cmdline"
case $asks in *millrace-fsmonitor*)
  # A shell is between, for a path that means something to one.
  asks=
  read -r _ _ _ git _ 2>/dev/null <"/proc/$PPID/stat"
  read -r asks 2>/dev/null <"/proc/$git/cmdline" ;;
esac
case $asks in *diff* | "")
  case $(git version) in *" 2.3"[2-9].* | *" 2.4"[0-2].*) printf "%s\\0/\\0" "$2" && exit ;; esac ;;
esac
by=$0-passed-by
[ -s "$by" ] || exec cat "${CHANGES_FILE}$2" 2>/dev/null
cat "${CHANGES_FILE}$2" "$by" 2>/dev/null || exit 1
exec xargs -0 -n 1 sh -c '
git check-ignore -q --no-index -- "$1" && exit
find "$1" -type d \\( -path "*/" -printf "%p-\\0" -o -printf "%p/-\\0" \\)' sh <"$by" 2>/dev/null
`;

/** What lets git ask the mount what has changed, and remember which files are untracked. */
export function hookConfig(gitDirectory: string): ConfigEntry[] {
  return [
    { key: "core.fsmonitor", value: quoted(join(gitDirectory, HOOK)) },
    { key: "core.fsmonitorhookversion", value: "2" },
    { key: "core.untrackedcache", value: "true" },
  ];
}

export async function writeHook(gitDirectory: string): Promise<void> {
  await mkdir(join(gitDirectory, "hooks"), { recursive: true });
  await writeFile(join(gitDirectory, HOOK), SCRIPT, { mode: 0o755 });
}

/** Takes away what git asks, and what it is told of directories that are passed by. */
export async function removeHook(gitDirectory: string): Promise<void> {
  for (const each of [HOOK, PASSED_BY]) await rm(join(gitDirectory, each), { force: true });
}

/** git gives it to a shell where it has anything that means something there. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
