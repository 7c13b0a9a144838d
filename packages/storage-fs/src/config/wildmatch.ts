/** How `wildmatch` compares. */
export interface WildmatchOptions {
  /** Upper and lower case are the same. Default `false`. */
  readonly ignoreCase?: boolean | undefined;
}

/**
 * Whether a glob matches a whole path, as git's `wildmatch` with `WM_PATHNAME`: `*`, `?` and brackets stop at a slash,
 * a `**` between slashes does not. Bytes are compared, not characters.
 */
export function wildmatch(
  pattern: string,
  path: string,
  { ignoreCase = false }: WildmatchOptions = {},
): boolean {
  const source = toBytes(pattern);
  let expression = "";
  for (let at = 0; at < source.length; ) {
    const char = source[at] as string;
    const token =
      char === "*" ? readStars(source, at) : char === "[" ? readBracket(source, at) : readOne(source, at);
    if (token === undefined) return false;
    expression += token.expression;
    at = token.end;
  }
  return new RegExp(`^(?:${expression})$`, ignoreCase ? "is" : "s").test(toBytes(path));
}

interface Token {
  readonly expression: string;
  readonly end: number;
}

function toBytes(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function literal(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function readOne(source: string, at: number): Token | undefined {
  const char = source[at] as string;
  if (char === "?") return { expression: "[^/]", end: at + 1 };
  if (char !== "\\") return { expression: literal(char), end: at + 1 };
  const escaped = source[at + 1];
  return escaped === undefined ? undefined : { expression: literal(escaped), end: at + 2 };
}

function readStars(source: string, start: number): Token {
  let end = start;
  while (source[end] === "*") end++;
  const opens = start === 0 || source[start - 1] === "/";
  const closes = end === source.length || source[end] === "/" || source.startsWith("\\/", end);
  if (end - start < 2 || !opens || !closes) return { expression: "[^/]*", end };
  return source[end] === "/" ? { expression: "(?:.*/)?", end: end + 1 } : { expression: ".*", end };
}

const CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  blank: " \\t",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-/:-@\\[-`{-~",
  space: " \\t-\\r",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};

/** A set in brackets; `undefined` where it does not end or names an unknown class: then nothing matches. */
function readBracket(source: string, start: number): Token | undefined {
  let at = start + 1;
  const negated = source[at] === "!" || source[at] === "^";
  if (negated) at++;
  let items = "";
  let before: string | undefined;
  for (let first = true; first || source[at] !== "]"; first = false) {
    let char = source[at];
    if (char === "[" && source[at + 1] === ":") {
      const close = source.indexOf("]", at + 2);
      if (close < 0) return undefined;
      if (close > at + 2 && source[close - 1] === ":") {
        const members = CLASSES[source.slice(at + 2, close - 1)];
        if (members === undefined) return undefined;
        items += members;
        before = undefined;
        at = close + 1;
        continue;
      }
    }
    const isRange =
      char === "-" && before !== undefined && source[at + 1] !== undefined && source[at + 1] !== "]";
    if (isRange) char = source[++at];
    if (char === "\\") char = source[++at];
    if (char === undefined) return undefined;
    if (!isRange) items += literal(char);
    else if ((before as string) <= char) items += `${literal(before as string)}-${literal(char)}`;
    before = isRange ? undefined : char;
    at++;
  }
  const set = items === "" ? (negated ? "." : "(?!)") : `[${negated ? "^" : ""}${items}]`;
  return { expression: `(?!/)${set}`, end: at + 1 };
}
