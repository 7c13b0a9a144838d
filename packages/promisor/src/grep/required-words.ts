/** What an expression, or a part of one, says of the texts that it matches. */
interface Meaning {
  /** All texts that it can match; `undefined` where they are too many or unknown. */
  readonly exact: readonly string[] | undefined;
  /** One of these is in every text that it matches; `undefined` where nothing is known. */
  readonly needed: readonly string[] | undefined;
}

const ANYTHING: Meaning = { exact: undefined, needed: undefined };
const NOTHING: Meaning = { exact: [""], needed: undefined };
/** More words than this are not worth their search. */
const MAX_WORDS = 16;
const MAX_WORD_LENGTH = 64;

/**
 * Words, in ASCII and the shortest of them of two letters at least, of which one is in every text that an expression matches;
 * `undefined` where none are known. They are right in any encoding that keeps ASCII as it is.
 */
export function requiredWords({ source, flags }: RegExp): readonly string[] | undefined {
  // What these flags and groups mean is read by no one here.
  if (flags.includes("v") || /\(\?[a-z-]+:/.test(source)) return undefined;
  const { needed } = new ExpressionReader(source, flags.includes("i") && flags.includes("u")).read();
  return needed !== undefined && needed.every((word) => word.length > 1) ? needed : undefined;
}

/** Reads the source of an expression that is known to be well formed (ECMA-262, "Patterns"). */
class ExpressionReader {
  readonly #source: string;
  /** Whether letters beyond ASCII are the equals of an S or a K. */
  readonly #foldsWidely: boolean;
  #at = 0;

  constructor(source: string, foldsWidely: boolean) {
    this.#source = source;
    this.#foldsWidely = foldsWidely;
  }

  /** A disjunction, up to its closing parenthesis or the end. */
  read(): Meaning {
    let all = this.#alternative();
    while (this.#source[this.#at] === "|") {
      this.#at++;
      const other = this.#alternative();
      all = { exact: union(all.exact, other.exact), needed: union(neededOf(all), neededOf(other)) };
    }
    return { exact: all.exact, needed: neededOf(all) };
  }

  #alternative(): Meaning {
    let best: readonly string[] | undefined;
    // All texts that what was read since the last gap can match.
    let run: readonly string[] = [""];
    let isExact = true;
    const endRun = (): void => {
      best = better(best, run);
      run = [""];
      isExact = false;
    };
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) {
      const { exact, needed } = this.#term();
      const longer = exact === undefined ? undefined : product(run, exact);
      if (longer !== undefined) {
        run = longer;
        continue;
      }
      endRun();
      best = better(best, needed);
      if (exact !== undefined) run = exact;
    }
    const exact = isExact ? run : undefined;
    endRun();
    return { exact, needed: best };
  }

  /** An atom or an assertion, with its quantifier. */
  #term(): Meaning {
    const atom = this.#atom();
    const quantifier = /[*+?]\??|\{(\d+)(,\d*)?\}\??/y;
    quantifier.lastIndex = this.#at;
    const found = quantifier.exec(this.#source);
    if (found === null) return atom;
    this.#at = quantifier.lastIndex;
    const isOptional = "*?".includes(found[0][0]!) || Number(found[1]) === 0;
    return isOptional ? ANYTHING : { exact: undefined, needed: neededOf(atom) };
  }

  #atom(): Meaning {
    const source = this.#source;
    const char = source[this.#at++]!;
    switch (char) {
      case "^":
      case "$":
        return NOTHING;
      case ".":
        return ANYTHING;
      case "[":
        return this.#class();
      case "(":
        return this.#group();
      case "\\":
        return this.#escape();
      default:
        return this.#literal(char);
    }
  }

  #class(): Meaning {
    for (; this.#source[this.#at] !== "]"; this.#at++) if (this.#source[this.#at] === "\\") this.#at++;
    this.#at++;
    return ANYTHING;
  }

  #group(): Meaning {
    const opening = /\?(?:[:=!]|<[=!]|<[^>]*>)/y;
    opening.lastIndex = this.#at;
    const kind = opening.exec(this.#source)?.[0] ?? "";
    this.#at += kind.length;
    const inside = this.read();
    this.#at++;
    // What is only looked at takes no part of the text.
    return /[=!]$/.test(kind) ? NOTHING : inside;
  }

  #escape(): Meaning {
    const rest =
      /b|B|k<[^>|()]*>|[pP]\{[\w=]*\}|u\{[0-9a-fA-F]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|\d+|[^]/y;
    rest.lastIndex = this.#at;
    const escape = rest.exec(this.#source)?.[0] ?? "";
    this.#at += escape.length;
    if (escape === "b" || escape === "B") return NOTHING;
    return /^[^0-9a-zA-Z]$/.test(escape) ? this.#literal(escape) : ANYTHING;
  }

  #literal(char: string): Meaning {
    if (char > "\x7f" || (this.#foldsWidely && /[ksKS]/.test(char))) return ANYTHING;
    return { exact: [char], needed: undefined };
  }
}

function neededOf({ exact, needed }: Meaning): readonly string[] | undefined {
  return better(needed, exact);
}

/** The words that say more: whose shortest is longer. */
function better(
  some: readonly string[] | undefined,
  others: readonly string[] | undefined,
): readonly string[] | undefined {
  if (others === undefined || others.includes("")) return some;
  return some === undefined || shortest(others) > shortest(some) ? others : some;
}

function shortest(words: readonly string[]): number {
  return Math.min(...words.map(({ length }) => length));
}

function union(
  some: readonly string[] | undefined,
  others: readonly string[] | undefined,
): readonly string[] | undefined {
  if (some === undefined || others === undefined) return undefined;
  const all = [...new Set([...some, ...others])];
  return all.length > MAX_WORDS ? undefined : all;
}

/** Every text of the one kind before every text of the other, unless those are too many or too long. */
function product(some: readonly string[], others: readonly string[]): readonly string[] | undefined {
  if (some.length * others.length > MAX_WORDS) return undefined;
  const all = some.flatMap((left) => others.map((right) => left + right));
  return all.some(({ length }) => length > MAX_WORD_LENGTH) ? undefined : all;
}
