import type { Oid } from "@millrace/pack";

/**
 * What a view calls a content by. It is the id of an object; where a checkout writes something else, what that is stands behind a
 * colon: of a file its conversion, of a directory the attributes files that speak of it. So two contents are the same if their ids are,
 * wherever they lie and whatever becomes of attributes and settings; whoever keeps an id keeps what was shown.
 */
const MARK = ":";

/** The object that a content is made of. */
export function objectOf(id: Oid): Oid {
  const at = id.indexOf(MARK);
  return at < 0 ? id : id.slice(0, at);
}

/** What stands behind the object's id; `undefined` where nothing does. */
export function detailOf(id: Oid): string | undefined {
  const at = id.indexOf(MARK);
  return at < 0 ? undefined : id.slice(at + MARK.length);
}

export function contentId(object: Oid, detail: string): Oid {
  return `${object}${MARK}${detail}`;
}

/** Whether a text can be the id of a content. */
export function isContentId(text: unknown): text is Oid {
  return typeof text === "string" && /^(?:[0-9a-f]{40}|[0-9a-f]{64})(?::.*)?$/s.test(text);
}

/** An attributes file that speaks of a directory: a blob, or the files outside of the tree with the settings of the user. */
export interface ScopeFile {
  /** Of a blob its id; else that of settings that were kept. */
  readonly id: string;
  /** `root`: the tree's own, at its root; `below`: in a directory; `settings`. */
  readonly kind: "root" | "below" | "settings";
  /** From the file's folder to the directory, with a slash at its end where it is not empty; only where the file speaks of paths. */
  readonly path: string | undefined;
}

/** What attributes files speak of a directory. */
export interface Scope {
  /** It is the root of a tree. */
  readonly isRoot: boolean;
  /** The one that has the last word comes last, but for settings, which come first and are both below and above the others. */
  readonly files: readonly ScopeFile[];
}

const SIGNS: Readonly<Record<ScopeFile["kind"], string>> = { settings: "@", root: "^", below: "" };
const ROOT = "/";

/** A scope as a text, which is part of a directory's id; `undefined` for that of a directory of which nobody speaks. */
export function formatScope({ isRoot, files }: Scope): string | undefined {
  if (!isRoot && files.length === 0) return undefined;
  const texts = files.map(({ id, kind, path }) => {
    return SIGNS[kind] + id + (path === undefined ? "" : `=${encodeURIComponent(path)}`);
  });
  return (isRoot ? ROOT : "") + texts.join(",");
}

/** Reads what `formatScope` has written. */
export function parseScope(text: string | undefined): Scope {
  const isRoot = text?.startsWith(ROOT) === true;
  const rest = (isRoot ? text?.slice(ROOT.length) : text) ?? "";
  const files = rest === "" ? [] : rest.split(",").map(parseFile);
  return { isRoot, files };
}

function parseFile(text: string): ScopeFile {
  const [named = "", path] = text.split("=");
  const kind = named.startsWith("@") ? "settings" : named.startsWith("^") ? "root" : "below";
  return { id: named.slice(SIGNS[kind].length), kind, path: path && decodeURIComponent(path) };
}
