import { tmpdir } from "node:os";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkRefName } from "../../src/index.ts";
import { tryGit } from "@millrace/git-lab";

/** Pieces that the rules speak of, and ordinary ones. */
const piece = fc.oneof(
  fc.constantFrom(
    "/",
    ".",
    "..",
    ".lock",
    "@",
    "@{",
    "{",
    "a",
    "-",
    "refs",
    "heads",
    "~",
    "^",
    ":",
    "?",
    "*",
    "[",
    "\\",
    " ",
    "\t",
  ),
  fc.string({ unit: "binary", maxLength: 2 }).filter((text) => !text.includes("\0")),
);
const anyName = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
const likelyName = fc.array(piece, { maxLength: 3 }).map((pieces) => `refs/heads/x${pieces.join("")}`);

test("checkRefName agrees with git check-ref-format", () => {
  fc.assert(
    fc.property(fc.oneof(anyName, likelyName), (name) => {
      // Git would take it for an option.
      if (name.startsWith("-")) return;
      const accepted = tryGit(tmpdir(), ["check-ref-format", name]).status === 0;
      expect(checkRefName(name), JSON.stringify(name)).toBe(accepted);
      const oneLevel = tryGit(tmpdir(), ["check-ref-format", "--allow-onelevel", name]).status === 0;
      expect(checkRefName(name, { allowOneLevel: true }), JSON.stringify(name)).toBe(oneLevel);
    }),
    { numRuns: 400 },
  );
});
