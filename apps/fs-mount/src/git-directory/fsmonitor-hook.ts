import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigEntry } from "@millrace/storage";
import { CHANGES_FILE } from "../changes-file.ts";

const HOOK = "hooks/millrace-fsmonitor";
/**
 * git runs it in the working tree, with the version and a token. Two small programs and one read: whatever had to start a runtime of
 * its own would take longer than a `git status`. In a working tree that is no mount, and in a mount that is read-only, there is no
 * such file: then git looks at everything.
 */
const SCRIPT = `#!/bin/sh
# Tells git what has changed in the mount since a token (githooks, fsmonitor-watchman): a file of that name answers.
case $1/$2 in 2/*/* | [!2]*) exit 1 ;; esac
exec cat "${CHANGES_FILE}$2" 2>/dev/null
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

/** git gives it to a shell where it has anything that means something there. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
