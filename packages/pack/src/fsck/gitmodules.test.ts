import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfigText } from "./config-text.ts";
import { checkGitmodules } from "./gitmodules.ts";

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

describe("checkGitmodules", () => {
  it("looks behind a byte order mark, where git's own check gives up but its reader does not", () => {
    const found = checkGitmodules(latin1('\xef\xbb\xbf[submodule "a"]\n\turl = -u\n'));
    expect(found).toEqual([
      { id: "gitmodulesUrl", severity: "error", message: "disallowed submodule url: -u" },
    ]);
  });

  it("takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const found of checkGitmodules(bytes)) expect(found.id).toMatch(/^gitmodules/);
      }),
    );
    const piece = fc.constantFrom(
      "[",
      "]",
      '"',
      "submodule",
      " ",
      "=",
      "\n",
      "\\",
      "url",
      "a",
      "..",
      "/",
      ";",
      "\r",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        checkGitmodules(latin1(pieces.join("")));
      }),
    );
  });
});

describe("parseConfigText", () => {
  it("reads quotes, escapes, continuations, comments and both spellings of a subsection", () => {
    const text = '[A "b\\"C"]\n\tKey = "x ; y" z # comment\n\tflag\n; note\n[d.E] k=1\\\n2\\t3\n\tempty =\n';
    expect(parseConfigText(text)).toEqual({
      isComplete: true,
      variables: [
        { section: "a", subsection: 'b"C', key: "key", value: "x ; y z" },
        { section: "a", subsection: 'b"C', key: "flag", value: undefined },
        { section: "d", subsection: "e", key: "k", value: "12\t3" },
        { section: "d", subsection: "e", key: "empty", value: "" },
      ],
    });
  });
});
