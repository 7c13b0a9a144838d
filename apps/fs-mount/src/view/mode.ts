import type { NodeKind } from "./view.ts";

/** Types of files in `st_mode`. */
export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;

/** Types and permissions of what a tree has, as they are shown and part of inode numbers. */
export const MODE_OF: Readonly<Record<NodeKind, number>> = {
  file: S_IFREG | 0o644,
  executable: S_IFREG | 0o755,
  symlink: S_IFLNK | 0o777,
  directory: S_IFDIR | 0o755,
};

interface WithMode {
  readonly mode: number;
}

export function isDirectory({ mode }: WithMode): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

export function isFile({ mode }: WithMode): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

export function isLink({ mode }: WithMode): boolean {
  return (mode & S_IFMT) === S_IFLNK;
}

/** Special files are files to who knows four kinds only. */
export function kindOf(mode: number): NodeKind {
  if (isDirectory({ mode })) return "directory";
  if (isLink({ mode })) return "symlink";
  return (mode & 0o111) === 0 ? "file" : "executable";
}
