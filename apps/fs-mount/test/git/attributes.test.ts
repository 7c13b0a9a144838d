import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AttributeFrame, AttributeStack } from "../../src/filters/attribute-stack.ts";
import { type AttributeState, parseAttributes } from "../../src/filters/attributes-file.ts";
import { git } from "../support/repository.ts";

const ASKED = ["text", "crlf", "eol", "ident", "filter", "working-tree-encoding"];

const folder = mkdtempSync(join(tmpdir(), "millrace-attributes-"));
beforeAll(() => {
  git(folder, ["init", "-q"]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bytes = (text: string): string => Buffer.from(text).toString("latin1");

/** Attributes files by folder: of the root's, `a/`'s, `a/b/`'s, and what comes below and above all. */
interface Files {
  readonly user: string;
  readonly root: string;
  readonly a: string;
  readonly b: string;
  readonly info: string;
}

/** What git says of paths: one line for each attribute. */
function ask(files: Files, paths: readonly string[]): string {
  mkdirSync(join(folder, "a/b"), { recursive: true });
  writeFileSync(join(folder, "user"), files.user);
  writeFileSync(join(folder, ".gitattributes"), files.root);
  writeFileSync(join(folder, "a/.gitattributes"), files.a);
  writeFileSync(join(folder, "a/b/.gitattributes"), files.b);
  mkdirSync(join(folder, ".git/info"), { recursive: true });
  writeFileSync(join(folder, ".git/info/attributes"), files.info);
  const config = ["-c", "core.attributesFile=user"];
  return git(
    folder,
    [...config, "check-attr", "-z", "--stdin", ...ASKED],
    paths.map((path) => `${path}\0`).join(""),
  );
}

function told(files: Files, paths: readonly string[]): string {
  const frame = (text: string, path: string, canDefine = true): AttributeFrame => ({
    file: parseAttributes(bytes(text), { canDefine }),
    path,
  });
  const word = (state: AttributeState): string =>
    state === true ? "set" : state === false ? "unset" : (state ?? "unspecified");
  let out = "";
  for (const path of paths) {
    const at = path.lastIndexOf("/") + 1;
    const [directory, name] = [path.slice(0, at), path.slice(at)];
    const frames = [frame(files.user, bytes(directory)), frame(files.root, bytes(directory))];
    if (directory.startsWith("a/")) frames.push(frame(files.a, bytes(directory.slice(2)), false));
    if (directory.startsWith("a/b/")) frames.push(frame(files.b, bytes(directory.slice(4)), false));
    frames.push(frame(files.info, bytes(directory)));
    const attributes = new AttributeStack(frames).of(bytes(name));
    for (const each of ASKED)
      out += `${path}\0${each}\0${Buffer.from(word(attributes.get(each)), "latin1").toString()}\0`;
  }
  return out;
}

const PATHS = [
  "x.txt",
  "x.c",
  "[x]",
  "ü.txt",
  "a/x.txt",
  "a/x.c",
  "a/b/x.txt",
  "a/b/y y.c",
  "a/b/c/x.txt",
  "a/b/c/d/z.bin",
  "b/x.txt",
  "text",
];
/** One to a blank. */
const PATTERNS =
  String.raw`* *.txt *.c x.* x.txt /x.txt a/x.txt a/* a/** **/x.txt a/**/x.txt b/ a/b /a/b/*.txt ?.c [xy].txt [!x]* a*b a**
 a/b** "\303\274.txt" ü* \x.txt !x.txt [attr] ** **/b/** c/** /* [[x]] \[x\] "*.txt`.split(/\s+/);
const pattern = fc.oneof(
  fc.constantFrom('"y y.c"', ...PATTERNS),
  fc.string({
    unit: fc.constantFrom(...String.raw`a b / * ? [ ] x . t c \ ! - ^`.split(" ")),
    minLength: 1,
    maxLength: 7,
  }),
);
const name = fc.constantFrom(...ASKED, "binary", "mine", "yours", "diff", "bad*name", "-text", "");
const state = fc.oneof(
  name,
  name.map((each) => `-${each}`),
  name.map((each) => `!${each}`),
  fc
    .tuple(name, fc.constantFrom("auto", "crlf", "lf", "input", "UTF-16", "lfs", "", "a=b", "ü"))
    .map(([each, value]) => `${each}=${value}`),
);
const blank = fc.constantFrom(" ", "\t", "  ", " \t ");
const line = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(pattern, blank, fc.array(state, { maxLength: 4 }), blank)
      .map(([p, b, s, c]) => [p, ...s].join(b) + (s.length > 2 ? c : "")),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom("mine", "yours", "text", "binary", "-no"), fc.array(state, { maxLength: 3 }))
      .map(([m, s]) => `[attr]${m} ${s.join(" ")}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "# x.txt text",
      "",
      "  x.txt text",
      "*.txt text\r",
      `*.txt text ${"x".repeat(2048)}`,
    ),
  },
);
const file = fc
  .tuple(fc.array(line, { maxLength: 6 }), fc.boolean())
  .map(([lines, ends]) => lines.join("\n") + (ends ? "\n" : ""));

test("attributes are those that git check-attr tells", () => {
  fc.assert(
    fc.property(fc.record({ user: file, root: file, a: file, b: file, info: file }), (files) => {
      expect(told(files, PATHS)).toBe(ask(files, PATHS));
    }),
    { numRuns: 150 },
  );
});
