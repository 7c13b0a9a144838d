import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeDurably } from "../durable-file.ts";
import { PASSED_BY, writeHook } from "../git-directory/fsmonitor-hook.ts";
import { isWish, type RedirectRecord } from "./schema.ts";

const BEGIN = "# Links of millrace-mount to the native disk:";
const END = "# So far those.";

/**
 * Tells git what is redirected. What is mounted over a directory passes the mount by, so the hook that says what has changed has to know
 * of it. A link is excluded, since a pattern for a directory does not match one.
 */
export async function tellGit(gitDirectory: string, records: readonly RedirectRecord[]): Promise<void> {
  const shown = records.filter((record) => !isWish(record));
  const bound = shown.filter(({ kind }) => kind === "bind").map(({ path }) => `${path}/\0`);
  const passedBy = join(gitDirectory, PASSED_BY);
  if (bound.length === 0) await rm(passedBy, { force: true });
  else {
    // A git directory of an earlier version has a hook that knows of no such file.
    await writeHook(gitDirectory);
    writeDurably(passedBy, bound.join(""), 0o644);
  }
  const links = shown.filter(({ kind }) => kind === "link").map(({ path }) => excludeLine(path));
  await mkdir(join(gitDirectory, "info"), { recursive: true });
  const file = join(gitDirectory, "info", "exclude");
  const before = await readFile(file, "latin1").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return "";
  });
  const after = withBlock(before, links);
  if (after !== before) writeDurably(file, Buffer.from(after, "latin1"), 0o644);
}

/** The lines of others stay as they are, and before ours. */
function withBlock(text: string, lines: readonly string[]): string {
  const begin = text.indexOf(`${BEGIN}\n`);
  const end = begin < 0 ? -1 : text.indexOf(`${END}\n`, begin);
  const rest = end < 0 ? text : text.slice(0, begin) + text.slice(end + END.length + 1);
  if (lines.length === 0) return rest;
  const gap = rest === "" || rest.endsWith("\n") ? "" : "\n";
  return `${rest}${gap}${[BEGIN, ...lines, END].join("\n")}\n`;
}

/** A pattern for one path and nothing else (gitignore(5)), by bytes. */
function excludeLine(path: string): string {
  const bytes = Buffer.from(path).toString("latin1");
  return `/${bytes.replace(/[\\*?[\]]|\s$/g, "\\$&")}`;
}
