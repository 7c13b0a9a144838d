/**
 * A path pattern as a test of whole paths: `*` and `?` stop at slashes, `**` does not, `{a,b}` is either, `[a-z]` and `[!a]`
 * are one character of a set. What is not closed stands for itself.
 */
export function compileGlob(pattern: string): RegExp {
  return new RegExp(`^${translate(pattern)}$`, "su");
}

function translate(pattern: string): string {
  let out = "";
  for (let at = 0; at < pattern.length; ) {
    const [text, next] = translateAt(pattern, at);
    out += text;
    at = next;
  }
  return out;
}

/** The expression for what stands at `at`, and where the rest begins. */
function translateAt(pattern: string, at: number): [string, number] {
  const rest = pattern.slice(at);
  const begins = at === 0 || pattern[at - 1] === "/";
  // Folders, or none at all; several of these in a row are no more than one, and would take ages to fail.
  const folders = begins ? /^(?:\*{2,}\/)+/.exec(rest)?.[0].length : undefined;
  if (folders !== undefined) return ["(?:[^/]+/)*", at + folders];
  const stars = /^\*+/.exec(rest)?.[0].length ?? 0;
  if (stars > 0) return [stars === 1 ? "[^/]*" : ".*", at + stars];
  if (rest.startsWith("?")) return ["[^/]", at + 1];
  const set = /^\[(!|\^)?(\]?[^\]/]*)\]/.exec(rest);
  if (set !== null && set[2] !== "") {
    const members = set[2]!.replace(/[\\[\]^&~]/g, "\\$&");
    return [`(?!/)[${set[1] === undefined ? "" : "^"}${members}]`, at + set[0].length];
  }
  const braces = /^\{([^{}]*)\}/.exec(rest);
  if (braces !== null) {
    const choices = braces[1]!.split(",").map(translate);
    return [`(?:${choices.join("|")})`, at + braces[0].length];
  }
  const character = String.fromCodePoint(pattern.codePointAt(at)!);
  return [character.replace(/[\\^$.*+?()[\]{}|/]/u, "\\$&"), at + character.length];
}
