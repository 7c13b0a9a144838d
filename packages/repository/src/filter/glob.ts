import { type ByteClass, parseByteClass } from "./byte-class.ts";

/** A compiled glob. Texts are latin1: one character a byte. */
export type Glob = (text: string) => boolean;

/** One place of a pattern: a class takes one byte; stars take any number of them. */
type Step = ByteClass | typeof STAR | typeof DEEP_STAR | typeof ANY_FOLDERS;

const STAR = "*";
/** A star that slashes do not stop. */
const DEEP_STAR = "**";
/** The same before a slash: it and the slash may take nothing together. */
const ANY_FOLDERS = "**/";

const BACKSLASH = 92;
const QUESTION = 63;
const OPEN = 91;
const ASTERISK = 42;
const SLASH = 47;

const NOTHING: Glob = () => false;

/**
 * Compiles a pattern to what `wildmatch` of git does with it. With `pathname` only `**` between slashes (or at an end)
 * passes slashes; without, every star and class does. The work is bounded by pattern length times text length.
 */
export function compileGlob(pattern: string, options: { readonly pathname: boolean }): Glob {
  const steps = parseSteps(pattern, options.pathname);
  return steps === undefined ? NOTHING : (text) => matchSteps(steps, text);
}

function parseSteps(pattern: string, pathname: boolean): Step[] | undefined {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; ) {
    let code = pattern.charCodeAt(at);
    if (code === ASTERISK) {
      const start = at;
      while (pattern.charCodeAt(at) === ASTERISK) at++;
      steps.push(starAt(pattern, start, at, pathname));
      continue;
    }
    if (code === OPEN) {
      const parsed = parseByteClass(pattern, at);
      if (parsed === undefined) return undefined;
      if (pathname) parsed.bytes[SLASH] = 0;
      steps.push(parsed.bytes);
      at = parsed.end;
      continue;
    }
    if (code === QUESTION) steps.push(anyByte(pathname));
    else {
      if (code === BACKSLASH) code = pattern.charCodeAt(++at);
      if (Number.isNaN(code)) return undefined;
      steps.push(oneByte(code));
    }
    at++;
  }
  return steps;
}

function starAt(pattern: string, start: number, end: number, pathname: boolean): Step {
  if (!pathname) return DEEP_STAR;
  if (end - start < 2) return STAR;
  const next = pattern.charCodeAt(end);
  const startsPart = start === 0 || pattern.charCodeAt(start - 1) === SLASH;
  const endsPart = end === pattern.length || next === SLASH || pattern.startsWith("\\/", end);
  if (!startsPart || !endsPart) return STAR;
  return next === SLASH ? ANY_FOLDERS : DEEP_STAR;
}

function anyByte(pathname: boolean): ByteClass {
  const bytes = new Uint8Array(256).fill(1);
  if (pathname) bytes[SLASH] = 0;
  return bytes;
}

function oneByte(code: number): ByteClass {
  const bytes = new Uint8Array(256);
  bytes[code] = 1;
  return bytes;
}

/** Follows all ways through the pattern at once: `reached[i]` says that the first `i` steps can take the text so far. */
function matchSteps(steps: readonly Step[], text: string): boolean {
  let reached = new Uint8Array(steps.length + 1);
  let next = new Uint8Array(steps.length + 1);
  reach(steps, reached, 0);
  // From left to right, so that a step is entered before its star goes on in it.
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    let isAlive = false;
    next.fill(0);
    for (let i = 0; i < steps.length; i++) {
      if (reached[i] === 0) continue;
      const step = steps[i]!;
      if (typeof step !== "string") {
        if (step[code] !== 1) continue;
        reach(steps, next, i + 1);
      } else {
        if (step === STAR && code === SLASH) continue;
        next[i] = 1;
        reach(steps, next, i + 1);
      }
      isAlive = true;
    }
    if (!isAlive) return false;
    const spent = reached;
    reached = next;
    next = spent;
  }
  return reached[steps.length] === 1;
}

/** Enters a state, and those that stars let it reach without taking a byte. */
function reach(steps: readonly Step[], states: Uint8Array, from: number): void {
  for (let i = from; states[i] === 0; i++) {
    states[i] = 1;
    const step = steps[i];
    if (step === ANY_FOLDERS) reach(steps, states, i + 2);
    if (typeof step !== "string") return;
  }
}
