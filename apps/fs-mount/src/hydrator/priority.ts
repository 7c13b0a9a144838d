/** How soon blobs are fetched; the higher, the sooner. Somebody waits for those of 900 and more. */
export const PRIORITY = {
  read: 1000,
  size: 900,
  bootstrap: 700,
  /** Somebody who walks over the tree comes to it next. */
  walk: 600,
  text: 500,
  other: 400,
  binary: 100,
} as const;

/** What programs and people look at first. */
const BOOTSTRAP = new Set([
  "readme",
  "readme.md",
  "license",
  "makefile",
  ".gitignore",
  "go.mod",
  "go.sum",
  "cargo.toml",
  "package.json",
  "pnpm-lock.yaml",
  "pyproject.toml",
]);
const TEXT = new Set(
  "c cc cpp go h hpp java js json jsx md py rs toml ts tsx yaml yml zig".split(" ").map((each) => `.${each}`),
);
const BINARY = new Set("avi gif gz jpeg jpg mov mp4 pdf png tar zip".split(" ").map((each) => `.${each}`));

/** How likely it is that a file of this name is read soon. */
export function priorityOf(name: string): number {
  const lower = name.toLowerCase();
  if (BOOTSTRAP.has(lower)) return PRIORITY.bootstrap;
  const dot = lower.lastIndexOf(".");
  const extension = dot === -1 ? "" : lower.slice(dot);
  if (TEXT.has(extension)) return PRIORITY.text;
  return BINARY.has(extension) ? PRIORITY.binary : PRIORITY.other;
}
