/** Bytes that one place of a glob pattern takes; a table of 256 flags. */
export type ByteClass = Uint8Array;

const BACKSLASH = 92;
const CARET = 94;
const CLOSE = 93;
const COLON = 58;
const DASH = 45;
const EXCLAMATION = 33;
const OPEN = 91;

const NAMED: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /\p{Cc}/u,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** A class and where the pattern goes on behind it. */
export interface ParsedClass {
  readonly bytes: ByteClass;
  readonly end: number;
}

/**
 * Reads a bracket expression, `[a-c]`, `[!x]`, `[[:digit:]]`, whose `[` stands at `start` (glob(7), as git takes it).
 * `undefined` where it does not end or names a class that does not exist: such a pattern matches nothing.
 */
export function parseByteClass(pattern: string, start: number): ParsedClass | undefined {
  const bytes = new Uint8Array(256);
  let at = start + 1;
  const isNegated = pattern.charCodeAt(at) === EXCLAMATION || pattern.charCodeAt(at) === CARET;
  if (isNegated) at++;
  /** The lower end of a range, should a dash follow; -1 where there is none. */
  let before = -1;
  for (let isFirst = true; ; isFirst = false) {
    let code = pattern.charCodeAt(at);
    if (Number.isNaN(code)) return undefined;
    if (code === CLOSE && !isFirst) break;
    if (code === DASH && before >= 0 && isRangeEnd(pattern, at + 1)) {
      code = pattern.charCodeAt(++at);
      if (code === BACKSLASH) code = pattern.charCodeAt(++at);
      if (Number.isNaN(code)) return undefined;
      if (before <= code) bytes.fill(1, before, code + 1);
      before = -1;
    } else if (code === OPEN && pattern.charCodeAt(at + 1) === COLON) {
      const close = pattern.indexOf("]", at + 2);
      if (close < 0) return undefined;
      // At least one character between the colons, which are two.
      if (close - 1 >= at + 2 && pattern.charCodeAt(close - 1) === COLON) {
        if (!addNamed(bytes, pattern.slice(at + 2, close - 1))) return undefined;
        at = close;
        before = -1;
      } else {
        bytes[OPEN] = 1;
        before = OPEN;
      }
    } else {
      if (code === BACKSLASH) code = pattern.charCodeAt(++at);
      if (Number.isNaN(code)) return undefined;
      bytes[code] = 1;
      before = code;
    }
    at++;
  }
  if (isNegated) for (let i = 0; i < 256; i++) bytes[i]! ^= 1;
  return { bytes, end: at + 1 };
}

function isRangeEnd(pattern: string, at: number): boolean {
  return at < pattern.length && pattern.charCodeAt(at) !== CLOSE;
}

function addNamed(bytes: ByteClass, name: string): boolean {
  const named = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  if (named === undefined) return false;
  for (let code = 0; code < 128; code++) {
    if (named.test(String.fromCharCode(code))) bytes[code] = 1;
  }
  return true;
}
