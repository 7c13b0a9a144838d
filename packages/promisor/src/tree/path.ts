import { PromisorError } from "../errors.ts";

/** The names on a path; slashes at its ends count for nothing. Throws `PROMISOR_BAD_ARGUMENT` for `.`, `..` and empty names. */
export function namesOf(path: string): readonly string[] {
  const trimmed = path.replace(/^\/+|\/+$/g, "");
  if (trimmed === "") return [];
  const names = trimmed.split("/");
  if (names.some((name) => name === "" || name === "." || name === "..") || trimmed.includes("\0")) {
    throw new PromisorError("PROMISOR_BAD_ARGUMENT", `not a path inside a tree: ${JSON.stringify(path)}`);
  }
  return names;
}
