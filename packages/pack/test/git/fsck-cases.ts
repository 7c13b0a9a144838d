import type { ObjectType } from "../../src/schema.ts";

/** A hand-made object that git's fsck has something to say about. */
export interface BadObject {
  readonly name: string;
  readonly type: ObjectType;
  readonly content: Uint8Array;
}

/** Ids of objects that exist, for the bad ones to name. */
export interface GoodObjects {
  readonly blob: string;
  readonly tree: string;
  readonly commit: string;
}

const IDENTITY = "A <a@b> 1 +0000";

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** A tree of `mode name` entries; the id is the blob's, or the tree's, unless it is given after a tab. */
export function treeOf(entries: readonly string[], good: GoodObjects): Uint8Array {
  const parts = entries.map((entry) => {
    const [text, oid] = entry.split("\t") as [string, string | undefined];
    const isTree = /^0*40/.test(text);
    const id = oid ?? (isTree ? good.tree : good.blob);
    return Buffer.concat([Buffer.from(`${text}\0`, "latin1"), Buffer.from(id, "hex")]);
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** The objects to compare with git about; each differs from a sound one in one way or a few. */
export function badObjects(good: GoodObjects): BadObject[] {
  return [...badCommits(good), ...badTags(good), ...badTrees(good)];
}

function badCommits(good: GoodObjects): BadObject[] {
  const withIdentity = (identity: string) =>
    `tree ${good.tree}\nauthor ${identity}\ncommitter ${IDENTITY}\n\n`;
  const texts: [string, string][] = [
    ["sound", withIdentity(IDENTITY)],
    ["no name", withIdentity("<a@b> 1 +0000")],
    ["only a space for a name", withIdentity(" <a@b> 1 +0000")],
    ["stray >", withIdentity("A> <a@b> 1 +0000")],
    ["no email", withIdentity("A 1 +0000")],
    ["no space before the email", withIdentity("A<a@b> 1 +0000")],
    ["unclosed email", withIdentity("A <a@b 1 +0000")],
    ["< in the email", withIdentity("A <a<b> 1 +0000")],
    ["no space before the date", withIdentity("A <a@b>1 +0000")],
    ["no date", withIdentity("A <a@b> ")],
    ["nothing after the email", withIdentity("A <a@b>")],
    ["word for a date", withIdentity("A <a@b> now +0000")],
    ["zero-padded date", withIdentity("A <a@b> 01 +0000")],
    ["date zero", withIdentity("A <a@b> 0 +0000")],
    ["date that overflows", withIdentity("A <a@b> 18446744073709551617 +0000")],
    ["date past the signed range", withIdentity("A <a@b> 9223372036854775808 +0000")],
    ["last date in the signed range", withIdentity("A <a@b> 9223372036854775807 +0000")],
    ["date with a tail", withIdentity("A <a@b> 12x +0000")],
    ["short zone", withIdentity("A <a@b> 1 +000")],
    ["long zone", withIdentity("A <a@b> 1 +00000")],
    ["unsigned zone", withIdentity("A <a@b> 1 0000")],
    ["no zone", withIdentity("A <a@b> 1")],
    ["two authors", `tree ${good.tree}\nauthor ${IDENTITY}\nauthor ${IDENTITY}\ncommitter ${IDENTITY}\n\n`],
    ["no author", `tree ${good.tree}\ncommitter ${IDENTITY}\n\n`],
    ["no committer", `tree ${good.tree}\nauthor ${IDENTITY}\n\n`],
    ["committer without email", `tree ${good.tree}\nauthor ${IDENTITY}\ncommitter A\n\n`],
    ["no blank line", `tree ${good.tree}\nauthor ${IDENTITY}\ncommitter ${IDENTITY}\n`],
    ["unterminated header", `tree ${good.tree}\nauthor ${IDENTITY}\ncommitter ${IDENTITY}`],
    ["NUL in the header", `tree ${good.tree}\nauthor A\0 <a@b> 1 +0000\ncommitter ${IDENTITY}\n\n`],
    ["NUL in the message", `${withIdentity(IDENTITY)}a\0b\n`],
    ["no tree", `author ${IDENTITY}\ncommitter ${IDENTITY}\n\n`],
    ["bad tree id", `tree ${good.tree.slice(1)}x\nauthor ${IDENTITY}\ncommitter ${IDENTITY}\n\n`],
    ["bad parent id", `tree ${good.tree}\nparent 1234\nauthor ${IDENTITY}\ncommitter ${IDENTITY}\n\n`],
    ["empty", ""],
  ];
  return texts.map(([name, text]) => ({ name: `commit: ${name}`, type: "commit", content: latin1(text) }));
}

function badTags(good: GoodObjects): BadObject[] {
  const named = (name: string, tagger = `tagger ${IDENTITY}\n`) =>
    `object ${good.commit}\ntype commit\ntag ${name}\n${tagger}\nmessage\n`;
  const texts: [string, string][] = [
    ["sound", named("v1")],
    ["slash in the name", named("a/b")],
    ["no tagger", named("v1", "")],
    ["tagger without email", named("v1", "tagger A\n")],
    ["extra header", named("v1", `tagger ${IDENTITY}\nextra header\n`)],
    ["no object", `type commit\ntag v1\ntagger ${IDENTITY}\n\n`],
    ["bad object id", `object 1234\ntype commit\ntag v1\ntagger ${IDENTITY}\n\n`],
    ["no type", `object ${good.commit}\ntag v1\ntagger ${IDENTITY}\n\n`],
    ["unknown type", `object ${good.commit}\ntype comet\ntag v1\ntagger ${IDENTITY}\n\n`],
    ["no name line", `object ${good.commit}\ntype commit\ntagger ${IDENTITY}\n\n`],
    ["ends after the type", `object ${good.commit}\ntype commit\n`],
    ["unterminated", `object ${good.commit}\ntype commit\ntag v1\ntagger ${IDENTITY}`],
    ...[
      "a b",
      "a..b",
      ".a",
      "a.",
      "a.lock",
      "a.lock/b",
      "a@{b",
      "a//b",
      "/a",
      "a/",
      "a~",
      "a*",
      "a[",
      "a\\b",
      "@",
      "",
    ].map((name): [string, string] => [`name ${JSON.stringify(name)}`, named(name)]),
  ];
  return texts.map(([name, text]) => ({ name: `tag: ${name}`, type: "tag", content: latin1(text) }));
}

function badTrees(good: GoodObjects): BadObject[] {
  const zero = "0".repeat(good.blob.length);
  const lists: string[][] = [
    ["100644 a", "40000 b"],
    [],
    ["100644 b", "100644 a"],
    ["40000 a", "100644 a.b"],
    ["100644 a.b", "40000 a"],
    ["100644 a", "100644 a"],
    ["100644 a", "40000 a"],
    ["100644 a", "100644 a.b", "40000 a"],
    ["100644 a", "100644 a-b", "100644 a.b", "40000 a"],
    ["100644 a", "100644 a.b", "100644 a.b.c", "40000 a.b", "40000 a"],
    ["100644 a", "100644 a.b", "40000 a.b.c", "40000 b"],
    ["100644 a", "100644 a.b", "40000 c", "40000 a"],
    [`100644 a\t${zero}`],
    ["100644 a/b"],
    ["100644 ."],
    ["100644 .."],
    ["100644 .git"],
    ["40000 .git"],
    ["040000 a"],
    ["0100644 a"],
    ["100664 a"],
    ["100600 a"],
    ["644 a"],
    ["120000 .gitmodules"],
    ["120000 .gitattributes"],
    ["120000 .gitignore"],
    ["120000 .mailmap"],
    ["100644 .gitignore", "100644 .mailmap"],
    ["100644 "],
    [" a"],
    ["10064x a"],
  ];
  const gitNames = [
    ".GIT",
    ".gIt",
    "git~1",
    "GIT~1",
    "git~2",
    ".git ",
    ".git.",
    ".git. .",
    ".git x",
    ".gitx",
    ".git:",
    ".git::$INDEX",
    ".git\\x",
    "a\\.git",
    "a\\git~1",
    "a\\.gitx",
    "a\\b\\.GIT. ",
    ".g\xe2\x80\x8cit",
    "\xe2\x80\x8d.git",
    ".git\xef\xbb\xbf",
    ".gi\xe2\x80\xaet",
    ".git\xff",
    "\xff.git",
    ".\xe2\x84\xaait",
    "..git",
    "...",
    ". ",
    "git~10",
    "git",
    "GIT~1.",
  ];
  const linkNames = [
    ".GITMODULES",
    ".gitmodules ",
    ".gitmodules.",
    ".gitmodules:x",
    ".gitmodulesx",
    "gitmod~1",
    "GITMOD~4",
    "gitmod~5",
    "gi7eba~1",
    "gi7eba~9",
    "gi7eba~0",
    "gi7eb~10",
    "gi7e~100",
    "g~100000",
    "~1000000",
    "~100000",
    "gi7eba~1x",
    "gi7eba~1. ",
    "gi7ebb~1",
    "gitmod~1 .",
    "gitmod~1x",
    "a\\.gitmodules",
    "a\\gitmod~1",
    ".git\xe2\x80\x8cmodules",
    ".gitmodules\xff",
    "gi7d29~1",
    "GI7D29~2",
    "gitatt~1",
    ".gitattributes ",
    "gi250a~1",
    "gitign~2",
    "maba30~1",
    "mailma~3",
    "MAILMA~5",
    ".MailMap",
    ".mailmap.",
    "a\\.gitattributes",
  ];
  lists.push(...gitNames.map((name) => [`100644 ${name}`]), ...linkNames.map((name) => [`120000 ${name}`]));
  const trees = lists.map((entries): BadObject => {
    const names = JSON.stringify(entries.map((entry) => entry.replace(/\t0+$/, " null")));
    return { name: `tree: ${names}`, type: "tree", content: treeOf(entries, good) };
  });
  const sound = treeOf(["100644 a", "100644 b"], good);
  for (const [name, size] of [
    ["cut in the id", sound.length - 1],
    ["cut in the name", 36],
    ["cut in the mode", 3],
  ] as const) {
    trees.push({ name: `tree: ${name}`, type: "tree", content: sound.slice(0, size) });
  }
  return trees;
}
