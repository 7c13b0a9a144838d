import { PromisorError } from "../errors.ts";
import { requiredWords } from "./required-words.ts";
import { type Seeker, seekEveryLine, seekExpression, seekText, seekWords } from "./seeker.ts";

/** What is searched for: a text as it stands, or an expression, line by line. */
export type GrepPattern = string | RegExp;

/** A match in a line, in characters. */
export interface Match {
  readonly start: number;
  readonly end: number;
}

/** A pattern, made ready. */
export interface Matcher {
  readonly tag: string;
  /** The first match in a line. */
  match(line: string): Match | undefined;
}

/** Patterns that share one look for lines that may match. */
export interface PatternGroup {
  readonly matchers: readonly Matcher[];
  readonly seeker: Seeker;
  /** What searches for them where lines that may match are many and hardly any does; absent where nothing else can. */
  readonly instead: readonly PatternGroup[] | undefined;
}

/** A pattern by itself: how its lines are found at all, and the words of which one is in each. */
interface Compiled extends Matcher {
  readonly words: readonly Uint8Array[] | undefined;
  readonly ignoreCase: boolean;
  /** Where its lines are found without words; absent where the words say all. */
  readonly alone: Seeker | undefined;
}

/** Words that one search looks for at most. */
const MAX_WORDS = 64;

/**
 * Makes patterns ready, by their tags; those of which words are known are searched for in one go.
 * Throws `PROMISOR_BAD_ARGUMENT` for a text of several lines, and for an expression with a flag (`g`, `y`) that a search line
 * by line has no use for.
 */
export function compilePatterns(
  patterns: Readonly<Record<string, GrepPattern>>,
  ignoreCase: boolean,
): readonly PatternGroup[] {
  const all = Object.entries(patterns).map(([tag, pattern]) => compile(tag, pattern, ignoreCase));
  const [only] = all;
  const rare = all.length === 1 && typeof patterns[only!.tag] === "string" ? rareText(only!) : undefined;
  if (rare !== undefined) return [{ matchers: all, seeker: rare, instead: undefined }];
  return [
    ...sharing(all.filter(({ words }) => words !== undefined)),
    ...all.filter(({ words }) => words === undefined).map(byItself),
  ];
}

/** One search for the words of all of these, or as many as it takes. */
function sharing(all: readonly Compiled[]): PatternGroup[] {
  const groups: PatternGroup[] = [];
  for (let from = 0; from < all.length; ) {
    const words: Uint8Array[] = [];
    let to = from;
    for (; to < all.length && words.length + all[to]!.words!.length <= MAX_WORDS; to++) {
      words.push(...all[to]!.words!);
    }
    const matchers = all.slice(from, to);
    const seeker = seekWords(
      words,
      matchers.some(({ ignoreCase }) => ignoreCase),
    );
    const hasOther = matchers.every(({ alone }) => alone !== undefined);
    groups.push({ matchers, seeker, instead: hasOther ? matchers.map(byItself) : undefined });
    from = to;
  }
  return groups;
}

function byItself(matcher: Compiled): PatternGroup {
  return { matchers: [matcher], seeker: matcher.alone ?? seekEveryLine, instead: undefined };
}

function compile(tag: string, pattern: GrepPattern, ignoreCase: boolean): Compiled {
  if (pattern instanceof RegExp) return compileExpression(tag, pattern, ignoreCase);
  if (/[\n\0]/.test(pattern)) throw badPattern("a text of one line is searched for");
  if (ignoreCase || pattern === "") return compileExpression(tag, new RegExp(escape(pattern)), ignoreCase);
  return {
    tag,
    ignoreCase,
    words: [Buffer.from(pattern).subarray(0, MAX_WORD_BYTES)],
    alone: undefined,
    match(line) {
      const start = line.indexOf(pattern);
      return start < 0 ? undefined : { start, end: start + pattern.length };
    },
  };
}

/** What is searched for of a long text. */
const MAX_WORD_BYTES = 512;

function compileExpression(tag: string, { source, flags }: RegExp, ignoreCase: boolean): Compiled {
  if (/[gy]/.test(flags)) throw badPattern("an expression is searched for without the flags g and y");
  const inLine = new RegExp(source, ignoreCase && !flags.includes("i") ? `${flags}i` : flags);
  // A look for what is not there sees the next line where it ought to see none.
  const looksAround = source.includes("(?!") || source.includes("(?<!");
  return {
    tag,
    ignoreCase: inLine.ignoreCase,
    words: requiredWords(inLine)?.map((word) => Buffer.from(word)),
    alone: looksAround ? undefined : seekExpression(inLine),
    match(line) {
      const found = inLine.exec(line);
      return found === null ? undefined : { start: found.index, end: found.index + found[0].length };
    },
  };
}

/** What sources are made of mostly. */
const FREQUENT = Buffer.from(" etrnisaoldcpumfhgybv.,()_w-=;\"'/k>x");

/** A text that has a byte which is hardly ever in sources; `undefined` for others. */
function rareText({ words, ignoreCase }: Compiled): Seeker | undefined {
  const text = Buffer.from(words?.[0] ?? []);
  const rareAt = text.findIndex((byte) => !FREQUENT.includes(byte));
  return ignoreCase || rareAt < 0 ? undefined : seekText(text, rareAt);
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function badPattern(why: string): PromisorError {
  return new PromisorError("PROMISOR_BAD_ARGUMENT", why);
}
