/** What stands in a tree for a file that git-lfs keeps elsewhere. */
export interface LfsPointer {
  /** SHA-256 of the file, in hex. */
  readonly oid: string;
  readonly sizeBytes: number;
}

/** git-lfs writes no longer ones; what is longer is not looked at. */
const MAX_BYTES = 1024;
const VERSION = "version https://git-lfs.github.com/spec/v1";
const EXTENSION = /^ext-\d-[^ ]+$/;

/**
 * The pointer that a file's content is, by the letter of git-lfs's specification ("The Pointer"): its version line, then keys
 * in order, each once, `oid` and `size` among them and no others but extensions. `undefined` for all else. What it points to
 * is not fetched.
 */
export function parseLfsPointer(content: Uint8Array): LfsPointer | undefined {
  if (content.length > MAX_BYTES) return undefined;
  const [version, ...lines] = Buffer.from(content).toString("latin1").split("\n");
  if (version !== VERSION || lines.pop() !== "") return undefined;
  const values = new Map<string, string>();
  let before = "";
  for (const line of lines) {
    const [key = "", value = "", ...more] = line.split(" ");
    const isKnown = key === "oid" || key === "size" || EXTENSION.test(key);
    if (!isKnown || value === "" || more.length > 0 || key <= before) return undefined;
    values.set(key, value);
    before = key;
  }
  const oid = /^sha256:([0-9a-f]{64})$/.exec(values.get("oid") ?? "")?.[1];
  const size = values.get("size") ?? "";
  if (oid === undefined || !/^\d{1,15}$/.test(size)) return undefined;
  return { oid, sizeBytes: Number(size) };
}
