import { isOid, type ObjectFormat, type Oid } from "@millrace/pack";
import { StorageError } from "../errors.ts";

/** Reads a `shallow` file (gitrepository-layout): an id a line. Throws `STORAGE_CORRUPT`. */
export function parseShallow(text: string, format: ObjectFormat): readonly Oid[] {
  const lines = text.split("\n").filter((line) => line !== "");
  for (const line of lines) {
    if (isOid(line, format)) continue;
    throw new StorageError("STORAGE_CORRUPT", `shallow: bad line ${JSON.stringify(line)}`, {
      key: "shallow",
    });
  }
  return lines;
}

/** A `shallow` file with these roots. */
export function encodeShallow(roots: Iterable<Oid>): string {
  return [...new Set(roots)]
    .sort()
    .map((oid) => `${oid}\n`)
    .join("");
}
