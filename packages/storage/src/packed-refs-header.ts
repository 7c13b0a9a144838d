import { StorageError } from "./errors.ts";

/** Which refs a `packed-refs` file tells the peeled ids of. */
export type Peeling = "none" | "tags" | "all";

export interface PackedRefsHeader {
  readonly peeling: Peeling;
  readonly sorted: boolean;
  /** Where the records begin. */
  readonly end: number;
}

const START = "# pack-refs with:";

/** Reads the first line, which may be absent (then nothing is promised). Throws `STORAGE_CORRUPT`. */
export function parseHeader(file: Buffer): PackedRefsHeader {
  if (file[0] !== 35) return { peeling: "none", sorted: false, end: 0 };
  const lineEnd = file.indexOf(10);
  const line = file.toString("utf8", 0, lineEnd);
  if (!line.startsWith(START)) {
    throw new StorageError(
      "STORAGE_CORRUPT",
      `packed-refs: unexpected line ${JSON.stringify(line.slice(0, 200))}`,
      {
        key: "packed-refs",
      },
    );
  }
  const traits = new Set(line.slice(START.length).split(" "));
  const peeling = traits.has("fully-peeled") ? "all" : traits.has("peeled") ? "tags" : "none";
  return { peeling, sorted: traits.has("sorted"), end: lineEnd + 1 };
}

/** The first line of a sorted file, as git writes it. */
export function encodeHeader(peeling: Peeling): Uint8Array {
  const traits = { none: "", tags: " peeled", all: " peeled fully-peeled" }[peeling];
  return Buffer.from(`${START}${traits} sorted \n`);
}
