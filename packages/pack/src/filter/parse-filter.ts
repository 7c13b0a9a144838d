import { PackError } from "../errors.ts";
import { ObjectType } from "../schema.ts";
import type { ObjectFilter } from "./object-filter.ts";
import { parseMagnitude } from "./magnitude.ts";
import { percentDecode, unescapedCharacter } from "./url-encoding.ts";

/** Combinations inside combinations that are still read; git's own clients nest none. */
const maxNesting = 32;

/** One kind of filter: what its text begins with, and what is made of the rest. */
interface FilterSyntax {
  readonly prefix: string;
  /** `undefined`: not a filter at all. Throws `PACK_BAD_FILTER` where the fault has words of its own. */
  parse(rest: string, nesting: number): ObjectFilter | undefined;
}

const syntaxes: readonly FilterSyntax[] = [
  {
    prefix: "blob:none",
    parse: (rest) => (rest === "" ? { kind: "blob:none" } : undefined),
  },
  {
    prefix: "blob:limit=",
    parse(rest) {
      const bytes = parseMagnitude(rest);
      return bytes === undefined ? undefined : { kind: "blob:limit", bytes };
    },
  },
  {
    prefix: "tree:",
    parse(rest) {
      const depth = parseMagnitude(rest);
      if (depth === undefined) throw badFilter("expected 'tree:<depth>'");
      return { kind: "tree", depth };
    },
  },
  {
    prefix: "object:type=",
    parse(rest) {
      const type = ObjectType.safeParse(rest);
      if (!type.success) throw badFilter(`'${rest}' for 'object:type=<type>' is not a valid object type`);
      return { kind: "object:type", type: type.data };
    },
  },
  { prefix: "sparse:oid=", parse: (blob) => ({ kind: "sparse:oid", blob }) },
  {
    prefix: "sparse:path=",
    parse() {
      throw badFilter("sparse:path filters support has been dropped");
    },
  },
  {
    prefix: "combine:",
    parse(rest, nesting) {
      if (rest === "") throw badFilter("expected something after combine:");
      return { kind: "combine", filters: parts(rest).map((part) => parsePart(part, nesting + 1)) };
    },
  },
];

/**
 * Reads a filter as `--filter=` and the `filter` argument of a fetch spell it (git-rev-list, `--filter`).
 * Throws `PACK_BAD_FILTER` with git's own words.
 */
export function parseObjectFilter(text: string): ObjectFilter {
  return parse(text, 0);
}

function parse(text: string, nesting: number): ObjectFilter {
  const syntax = syntaxes.find(({ prefix }) => text.startsWith(prefix));
  const filter = nesting > maxNesting ? undefined : syntax?.parse(text.slice(syntax.prefix.length), nesting);
  if (filter === undefined) throw badFilter(`invalid filter-spec '${text}'`);
  return filter;
}

function parsePart(part: string, nesting: number): ObjectFilter {
  const found = unescapedCharacter(part);
  if (found !== undefined) throw badFilter(`must escape char in sub-filter-spec: '${found}'`);
  const decoded = percentDecode(part);
  if (decoded === undefined) throw badFilter(`invalid filter-spec '${part}'`);
  return parse(decoded, nesting);
}

/** As git cuts: a plus sign at the very end stays with the last part. */
function parts(text: string): readonly string[] {
  const cut = text.split("+");
  if (cut.length > 1 && cut.at(-1) === "") {
    cut.pop();
    cut[cut.length - 1] += "+";
  }
  return cut;
}

function badFilter(message: string): PackError {
  return new PackError("PACK_BAD_FILTER", message);
}
