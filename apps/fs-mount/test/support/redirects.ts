import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlAnswers } from "../../src/daemon/protocol.ts";
import type { RedirectKind, RedirectStatus } from "../../src/redirect/schema.ts";
import type { DaemonLab } from "./daemon-lab.ts";
import { run } from "./lab.ts";
import { git } from "./repository.ts";

/** Why nothing can be redirected here, or `undefined` where it can. */
export function whyNoRedirect(): string | undefined {
  const absent = ["umount", "find", "sha256sum"].filter(
    (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
  );
  return absent.length === 0 ? undefined : `${absent.join(", ")} is not installed: NO REDIRECTION IS TESTED`;
}

/** Makes a repository of a project whose `node_modules` is ignored, and `target` is not. @returns its folder */
export function makeProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-origin-"));
  git(folder, ["init", "-q", "-b", "main", "."]);
  git(folder, ["config", "uploadpack.allowFilter", "true"]);
  git(folder, ["config", "uploadpack.allowAnySHA1InWant", "true"]);
  writeFileSync(join(folder, ".gitignore"), "node_modules/\n");
  writeFileSync(join(folder, "package.json"), '{ "name": "project", "main": "index.js" }\n');
  writeFileSync(join(folder, "index.js"), 'module.exports = "the project";\n');
  mkdirSync(join(folder, "src"));
  for (let n = 0; n < 20; n++) writeFileSync(join(folder, `src/file-${n}.js`), `module.exports = ${n};\n`);
  git(folder, ["add", "."]);
  git(folder, ["commit", "-q", "-m", "project"]);
  return folder;
}

/** Asks a daemon to redirect a path. */
export async function redirect(
  daemon: DaemonLab,
  path: string,
  kind?: RedirectKind,
): Promise<ControlAnswers["redirect"]> {
  using client = await daemon.connect();
  return await client.ask({ command: "redirect", path, kind });
}

/** Asks it to take a redirection away. */
export async function undo(daemon: DaemonLab, path: string, purge: boolean = false): Promise<void> {
  using client = await daemon.connect();
  await client.ask({ command: "undo-redirect", path, purge });
}

/** The only redirection of the mount `one`. */
export async function only(daemon: DaemonLab): Promise<RedirectStatus> {
  const { redirects } = await daemon.status("one");
  if (redirects.length !== 1) throw new Error(`redirected: ${JSON.stringify(redirects)}`);
  return redirects[0]!;
}

/** The kind of the file system that a path is on, and what is in it: names, kinds, modes, sizes and contents. */
export async function seen(path: string): Promise<{ readonly type: string; readonly tree: string }> {
  const script = `stat -f -c %T "$1"; cd "$1"; find . -mindepth 1 -printf '%P %y %m %s %l\\n' | sort
find . -type f -exec sha256sum {} + | sort`;
  const [type = "", ...tree] = (await run("sh", ["-ec", script, "sh", path])).split("\n");
  return { type, tree: tree.join("\n") };
}

/** What git says of a mount, and what it says when it remembers nothing. */
export async function gitStatus(
  directory: string,
): Promise<{ readonly said: string; readonly looked: string }> {
  const status = ["status", "--porcelain=v1"];
  const said = await run("git", status, { cwd: directory });
  const fresh = ["-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"];
  const env = { GIT_OPTIONAL_LOCKS: "0" };
  return { said, looked: await run("git", [...fresh, ...status], { cwd: directory, env }) };
}
