/** One variable of a file in git's configuration syntax (git-config, "CONFIGURATION FILE"). */
export interface ConfigVariable {
  /** Lower case; empty before the first section. */
  readonly section: string;
  /** As written; undefined for a plain section. */
  readonly subsection: string | undefined;
  /** Lower case. */
  readonly key: string;
  /** Undefined for a key alone. */
  readonly value: string | undefined;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b", "\\": "\\", '"': '"' };
const KEY = /[a-zA-Z][a-zA-Z0-9-]*/y;
const SECTION = /\[([a-zA-Z0-9.-]+)/y;

/**
 * Reads variables up to the end or the first line that does not parse; `isComplete` tells which it was.
 * The text is latin1, one character a byte, so that no decoding can hide anything.
 */
export function parseConfigText(text: string): { variables: ConfigVariable[]; isComplete: boolean } {
  const variables: ConfigVariable[] = [];
  const source = text.replace(/^\xef\xbb\xbf/, "").replaceAll("\r\n", "\n");
  let section = "";
  let subsection: string | undefined;
  let at = 0;
  while (at < source.length) {
    const character = source[at]!;
    if (/\s/.test(character)) {
      at++;
    } else if (character === "#" || character === ";") {
      const end = source.indexOf("\n", at);
      at = end < 0 ? source.length : end;
    } else if (character === "[") {
      const header = parseSection(source, at);
      if (header === undefined) return { variables, isComplete: false };
      ({ section, subsection, end: at } = header);
    } else {
      const variable = parseVariable(source, at);
      if (variable === undefined) return { variables, isComplete: false };
      variables.push({ section, subsection, key: variable.key, value: variable.value });
      at = variable.end;
    }
  }
  return { variables, isComplete: true };
}

function parseSection(
  source: string,
  start: number,
): { section: string; subsection: string | undefined; end: number } | undefined {
  SECTION.lastIndex = start;
  const name = SECTION.exec(source)?.[1];
  if (name === undefined) return undefined;
  let at = SECTION.lastIndex;
  if (source[at] === "]") {
    // The old spelling, [section.subsection], folds case in both.
    const dot = name.indexOf(".");
    const lower = name.toLowerCase();
    if (dot < 0) return { section: lower, subsection: undefined, end: at + 1 };
    return { section: lower.slice(0, dot), subsection: lower.slice(dot + 1), end: at + 1 };
  }
  while (source[at] === " " || source[at] === "\t") at++;
  if (source[at++] !== '"') return undefined;
  let subsection = "";
  for (; source[at] !== '"'; at++) {
    if (source[at] === "\\") at++;
    const character = source[at];
    if (character === undefined || character === "\n") return undefined;
    subsection += character;
  }
  if (source[at + 1] !== "]") return undefined;
  return { section: name.toLowerCase(), subsection, end: at + 2 };
}

function parseVariable(
  source: string,
  start: number,
): { key: string; value: string | undefined; end: number } | undefined {
  KEY.lastIndex = start;
  const key = KEY.exec(source)?.[0].toLowerCase();
  if (key === undefined) return undefined;
  let at = KEY.lastIndex;
  while (source[at] === " " || source[at] === "\t") at++;
  if (at >= source.length || source[at] === "\n") return { key, value: undefined, end: at };
  if (source[at] !== "=") return undefined;
  const value = parseValue(source, at + 1);
  return value === undefined ? undefined : { key, value: value.text, end: value.end };
}

function parseValue(source: string, start: number): { text: string; end: number } | undefined {
  let text = "";
  let isQuoted = false;
  /** Spaces that count only if something follows. */
  let spaces = "";
  let at = start;
  for (; at < source.length && source[at] !== "\n"; at++) {
    const character = source[at]!;
    if (!isQuoted && (character === "#" || character === ";")) {
      const end = source.indexOf("\n", at);
      at = end < 0 ? source.length : end;
      break;
    }
    if (!isQuoted && /\s/.test(character)) {
      if (text !== "") spaces += character;
      continue;
    }
    text += spaces;
    spaces = "";
    if (character === '"') {
      isQuoted = !isQuoted;
    } else if (character === "\\") {
      at++;
      if (source[at] === "\n") continue;
      const escaped = ESCAPES[source[at] ?? ""];
      if (escaped === undefined) return undefined;
      text += escaped;
    } else {
      text += character;
    }
  }
  return isQuoted ? undefined : { text, end: at };
}
