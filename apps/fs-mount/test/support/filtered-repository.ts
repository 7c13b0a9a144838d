import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { git } from "./repository.ts";

/** Makes a repository without commits, which lets itself be cloned in part. @returns its folder, which has a working tree */
export function initRepository(format: "sha1" | "sha256" = "sha1"): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-origin-"));
  git(folder, ["init", "-q", "-b", "main", `--object-format=${format}`, "."]);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"])
    git(folder, ["config", key, "true"]);
  return folder;
}

const ATTRIBUTES = `* text=auto
*.bat eol=crlf
/doc/*.txt text eol=crlf
*.c ident
*.utf16 text working-tree-encoding=UTF-16LE-BOM
*.bin binary
`;

/** Writes files below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** A repository whose attributes ask for all that a checkout can do without a program, and differ between its commits. */
export function makeFilteredRepository(format: "sha1" | "sha256" = "sha1"): string {
  const folder = initRepository(format);
  git(folder, ["config", "core.safecrlf", "false"]);
  writeFiles(folder, {
    ".gitattributes": ATTRIBUTES,
    "run.bat": "echo one\necho two\n",
    "doc/a.txt": "a\nb\n",
    "doc/deep/b.txt": "not here\n",
    "src/id.c": "/* $Id$ */\nint x;\n",
    "src/deep/er/id.c": "$Id: old $ and $Id$\n",
    "src/large.bat": "0123456789abcde\n".repeat(200_000),
    "src/.gitattributes": "*.lines text eol=crlf\n",
    "src/x.lines": "1\n2\n3\n",
    "src/deep/y.lines": "4\n5\n",
    "other/x.lines": "1\n2\n3\n",
    "text.utf16": Buffer.from("\ufeffzwölf\nBoxkämpfer\n", "utf16le"),
    "data.bin": "\r\n\n\0",
    plain: "plain\n",
  });
  git(folder, ["add", "."]);
  git(folder, ["commit", "-q", "-m", "first"]);
  writeFiles(folder, {
    ".gitattributes": "*.txt text eol=crlf\n",
    "src/.gitattributes": "* -text\n",
    "doc/deep/b.txt": "here\n",
  });
  git(folder, ["add", "."]);
  git(folder, ["commit", "-q", "-m", "other attributes"]);
  git(folder, ["branch", "side"]);
  git(folder, ["reset", "-q", "--hard", "HEAD~1"]);
  return folder;
}
