import type { Match, Matcher } from "./pattern.ts";
import type { SearchedText } from "./searched-text.ts";

/** A line that matches, and those around it that were asked for. */
export interface MatchedLine {
  /** From 1 on. */
  readonly line: number;
  readonly text: string;
  /** The first match in it, in characters from 0 on. */
  readonly match: Match;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** How many lines around a match are told. */
export interface Context {
  readonly before: number;
  readonly after: number;
}

/** The lines of a file that match, each once, as they are asked for. */
export function* searchFile(
  bytes: Buffer,
  matcher: Matcher,
  context: Context,
): Generator<MatchedLine, void, undefined> {
  const text = matcher.open(bytes);
  let line = 1;
  let counted = 0;
  for (let from = 0; from < text.length; ) {
    const at = matcher.find(text, from);
    // A match behind the last line feed is in no line.
    if (at < 0 || at >= text.length) return;
    const start = text.lineStart(at);
    const end = text.lineEnd(at);
    line += text.countLines(counted, start);
    counted = start;
    const words = text.text(start, end);
    const match = matcher.match(words);
    if (match !== undefined) {
      const before = linesBefore(text, start, context.before);
      yield { line, text: words, match, before, after: linesAfter(text, end, context.after) };
    }
    from = end + 1;
  }
}

function linesBefore(text: SearchedText, start: number, count: number): string[] {
  const lines: string[] = [];
  for (let at = start; at > 0 && lines.length < count; ) {
    const from = text.lineStart(at - 1);
    lines.unshift(text.text(from, at - 1));
    at = from;
  }
  return lines;
}

function linesAfter(text: SearchedText, end: number, count: number): string[] {
  const lines: string[] = [];
  for (let at = end + 1; at < text.length && lines.length < count; ) {
    const to = text.lineEnd(at);
    lines.push(text.text(at, to));
    at = to + 1;
  }
  return lines;
}
