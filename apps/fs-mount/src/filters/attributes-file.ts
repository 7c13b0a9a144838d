import { type AttributePattern, compilePattern } from "./attribute-pattern.ts";

/** Set, unset (`-name`), unspecified (`!name`), or a value. */
export type AttributeState = true | false | undefined | string;

/** A line of an attributes file. */
export interface AttributeLine {
  /** What it defines, or whom it is about. */
  readonly about: AttributePattern | { readonly macro: string };
  /** In their order. */
  readonly states: readonly (readonly [name: string, state: AttributeState])[];
}

/** An attributes file, as far as it bears on what a checkout writes. */
export interface AttributesFile {
  readonly lines: readonly AttributeLine[];
  /** Some pattern of it speaks of paths. */
  readonly isOfPaths: boolean;
}

/** Longer lines are none to git, and files from this size on. */
const MAX_LINE_BYTES = 2048;
export const MAX_ATTRIBUTES_BYTES: number = 100 * 1024 * 1024;
const MACRO = "[attr]";
const NAME = /^[A-Za-z0-9_.][-A-Za-z0-9_.]*$/;
/** Attributes that a checkout looks at. */
const MATTERS: ReadonlySet<string> = new Set([
  "text",
  "crlf",
  "eol",
  "ident",
  "filter",
  "working-tree-encoding",
]);

/**
 * Reads an attributes file (gitattributes), bytes one to a character. What git warns of and ignores is ignored.
 * @param canDefine it may define macros: all may but those of directories below the root
 */
export function parseAttributes(
  text: string,
  { canDefine }: { readonly canDefine: boolean },
): AttributesFile {
  const end = text.indexOf("\0");
  const all: AttributeLine[] = [];
  for (const line of (end < 0 ? text : text.slice(0, end)).split("\n")) {
    const parsed = parseLine(line, canDefine);
    if (parsed !== undefined) all.push(parsed);
  }
  // A macro may bring any attribute, also one that is defined elsewhere, and may be named like any.
  const macros = all.some(({ about }) => "macro" in about);
  const isUnknown = (name: string): boolean => MATTERS.has(name) || !KNOWN_OTHERS.test(name);
  const lines = macros ? all : all.filter(({ states }) => states.some(([name]) => isUnknown(name)));
  return { lines, isOfPaths: lines.some(({ about }) => "isOfPath" in about && about.isOfPath) };
}

/** What is said in many repositories and is nothing to a checkout; git has no macros of these names. */
const KNOWN_OTHERS = /^(?:diff|merge|whitespace|export-ignore|export-subst|delta|encoding|linguist-[a-z]+)$/;

function parseLine(line: string, canDefine: boolean): AttributeLine | undefined {
  const start = line.search(/[^ \t\r]/);
  if (start < 0 || line[start] === "#" || line.length >= MAX_LINE_BYTES) return undefined;
  const text = line.slice(start);
  const quoted = text.startsWith('"') ? unquote(text) : undefined;
  const nameEnd = endOfWord(text, 0);
  const name = quoted?.content ?? text.slice(0, nameEnd);
  let at = quoted?.end ?? nameEnd;
  let about: AttributeLine["about"] | undefined;
  if (name.length > MACRO.length && name.startsWith(MACRO)) {
    if (!canDefine) return undefined;
    const macro = name.slice(MACRO.length);
    if (!NAME.test(macro)) return undefined;
    about = { macro };
  } else {
    about = compilePattern(name);
    if (about === undefined) return undefined;
  }
  const states: (readonly [string, AttributeState])[] = [];
  for (;;) {
    while (isBlank(text[at])) at++;
    if (at >= text.length) break;
    const end = endOfWord(text, at);
    const state = parseState(text.slice(at, end));
    // One that is malformed takes the whole line with it.
    if (state === undefined) return undefined;
    states.push(state);
    at = end;
  }
  return { about, states };
}

function parseState(word: string): readonly [string, AttributeState] | undefined {
  const sign = word[0] === "-" || word[0] === "!" ? word[0] : "";
  const equals = word.indexOf("=");
  const name = word.slice(sign.length, equals < 0 ? undefined : equals);
  if (!NAME.test(name)) return undefined;
  if (sign !== "") return [name, sign === "-" ? false : undefined];
  return [name, equals < 0 ? true : word.slice(equals + 1)];
}

function isBlank(char: string | undefined): boolean {
  return char === " " || char === "\t" || char === "\r";
}

function endOfWord(text: string, start: number): number {
  let end = start;
  while (end < text.length && !isBlank(text[end])) end++;
  return end;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

/** A text in quotes, as C has them; `undefined` where it is malformed: then it is a pattern as it stands. */
function unquote(text: string): { readonly content: string; readonly end: number } | undefined {
  let content = "";
  for (let at = 1; at < text.length; at++) {
    const char = text[at]!;
    if (char === '"') return { content, end: at + 1 };
    if (char !== "\\") {
      content += char;
      continue;
    }
    const digits = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))?.[0];
    const escaped = digits === undefined ? ESCAPES[text[at + 1] ?? ""] : undefined;
    if (digits === undefined && escaped === undefined) return undefined;
    content += escaped ?? String.fromCharCode(Number.parseInt(digits!, 8));
    at += digits?.length ?? 1;
  }
  return undefined;
}
