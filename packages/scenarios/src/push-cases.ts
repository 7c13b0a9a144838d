import type { FixtureName } from "./fixtures.ts";
import { objectPushes } from "./push-cases-objects.ts";
import { shallowPushes } from "./push-cases-shallow.ts";

/** What a push brings behind its commands: git's pack of some revisions, whole or broken, bytes as they are, or nothing. */
export type PushPack =
  | "none"
  | "empty"
  | { readonly bytes: string }
  | {
      readonly revisions: readonly string[];
      readonly flags?: readonly string[];
      readonly cutBytes?: number;
      readonly bendsTrailer?: boolean;
    };

/** A push, and the repository that it goes to. */
export interface PushCase {
  readonly name: string;
  readonly on: FixtureName;
  readonly config: readonly string[];
  readonly lines: readonly string[];
  readonly pack: PushPack;
}

const banded = "\0report-status side-band-64k object-format=<format> agent=git/test";
const bare = "\0report-status object-format=<format>";

const next: PushPack = { revisions: ["<refs/new/next>", "^<main>"], flags: ["--thin"] };
const after: PushPack = { revisions: ["<refs/new/after>", "^<main>"] };
const forced: PushPack = { revisions: ["<refs/new/forced>", "^<main>"] };
const root: PushPack = { revisions: ["<refs/new/root>"] };
const above: PushPack = { revisions: ["<refs/new/above>", "^<refs/new/root>"] };
const tagged: PushPack = { revisions: ["<new-tag>", "^<main>"] };
const evil: PushPack = { revisions: ["<refs/new/evil>"] };

const NEXT = "<main> <refs/new/next> refs/heads/main";
const CREATE = "<zero> <main> refs/heads/x";

/** git's unpacker looks for what is missing only where it checks objects; ours leaves it to the connectivity check. */
const UNCHECKED = ["receive.fsckObjects=false"];

type Row = readonly [name: string, lines: readonly string[], pack: PushPack, config?: readonly string[]];

/** Pushes to the repository with a history. `|` stands where the capabilities go. */
const pushes: readonly Row[] = [
  ["a fast-forward", [`${NEXT}|`, "0000"], next],
  ["a fast-forward of a whole pack", [`${NEXT}|`, "0000"], after],
  ["a new branch with objects", ["<zero> <refs/new/root> refs/heads/x|", "0000"], root],
  ["a new branch without objects", [`${CREATE}|`, "0000"], "empty"],
  ["a new tag", ["<zero> <new-tag> refs/tags/new|", "0000"], tagged],
  ["a ref outside of the usual folders", ["<zero> <main> refs/for/review/x|", "0000"], "empty"],
  [
    "several",
    [`${NEXT}|`, CREATE, "<side0> <zero> refs/heads/side0", "<zero> <v1> refs/tags/again", "0000"],
    next,
  ],
  ["a forced update", ["<main> <refs/new/forced> refs/heads/main|", "0000"], forced],
  [
    "a forced update that is denied",
    ["<main> <refs/new/forced> refs/heads/main|", CREATE, "0000"],
    forced,
    ["receive.denyNonFastForwards=true"],
  ],
  [
    "a rewind that is denied",
    ["<main> <main~2> refs/heads/main|", "0000"],
    "empty",
    ["receive.denyNonFastForwards=true"],
  ],
  [
    "a fast-forward where others are denied",
    [`${NEXT}|`, "0000"],
    next,
    ["receive.denyNonFastForwards=true"],
  ],
  [
    "a tag that moves where branches may not",
    ["<light> <main~4> refs/tags/light|", "0000"],
    "empty",
    ["receive.denyNonFastForwards=true"],
  ],
  ["a rewind", ["<main> <main~2> refs/heads/main|", "0000"], "empty"],
  ["a deletion", ["<side0> <zero> refs/heads/side0|", "0000"], "none"],
  ["a deletion of a tag", ["<v1> <zero> refs/tags/v1|", "0000"], "none"],
  [
    "a deletion that is denied",
    ["<side0> <zero> refs/heads/side0|", "<v1> <zero> refs/tags/v1", "0000"],
    "none",
    ["receive.denyDeletes=true"],
  ],
  ["a deletion of the current branch", ["<main> <zero> refs/heads/main|", "0000"], "none"],
  [
    "a deletion of the current branch that is allowed",
    ["<main> <zero> refs/heads/main|", "0000"],
    "none",
    ["receive.denyDeleteCurrent=ignore"],
  ],
  [
    "a deletion of the current branch with a warning",
    ["<main> <zero> refs/heads/main|", "0000"],
    "none",
    ["receive.denyDeleteCurrent=warn"],
  ],
  ["a deletion of what is not there", ["<zero> <zero> refs/heads/nothing|", "0000"], "none"],
  ["a deletion of what is not there, with an id", ["<main> <zero> refs/heads/nothing|", "0000"], "none"],
  ["a deletion with another old id", ["<main> <zero> refs/heads/side0|", "0000"], "none"],
  ["a deletion beside an update", ["<side0> <zero> refs/heads/side0|", NEXT, "0000"], next],
  ["nothing changes", ["<main> <main> refs/heads/main|", "0000"], "empty"],
  ["an old id that is no more", ["<main~1> <refs/new/next> refs/heads/main|", CREATE, "0000"], next],
  ["a creation of what is there", ["<zero> <refs/new/next> refs/heads/main|", "0000"], next],
  ["a creation of what is there, with the same", ["<zero> <main> refs/heads/main|", "0000"], "empty"],
  ["an update of what is not there", ["<main> <main~1> refs/heads/nothing|", "0000"], "empty"],
  ["an old id that nobody knows", ["<none> <refs/new/next> refs/heads/main|", "0000"], next],
  ...[
    "main",
    "HEAD",
    "refs/",
    "refs/heads/",
    "refs/heads/a..b",
    "refs/heads/.a",
    "refs/heads/a.lock",
    "refs/heads/a b",
    "refs/heads/a~1",
    "refs/heads/a^",
    "refs/heads/a:b",
    "refs/heads/a?",
    "refs/heads/a*",
    "refs/heads/a[",
    "refs/heads/a\\b",
    "refs/heads/a@{b",
    "refs/heads/@",
    "refs/heads/a.",
    "refs/heads/a//b",
    "refs/heads/a/",
    "refs/heads/a/.b",
    "refs/heads/-a",
    "refs/heads/é",
    "refs/heads/HEAD",
    "refs/../x",
    "heads/x",
  ].flatMap((ref): Row[] => [
    [`a ref named ${JSON.stringify(ref)}`, [`<zero> <main> ${ref}|`, "0000"], "empty"],
    [`the deletion of a ref named ${JSON.stringify(ref)}`, [`<main> <zero> ${ref}|`, "0000"], "none"],
  ]),
  ["a ref right below refs", ["<zero> <main> refs/one|", "0000"], "empty"],
  ["a ref below a ref", ["<zero> <main> refs/heads/main/below|", "0000"], "empty"],
  ["a ref above a ref", ["<zero> <main> refs/remotes/origin|", "0000"], "empty"],
  [
    "refs above and below each other",
    ["<zero> <main> refs/heads/a/b|", "<zero> <main> refs/heads/a", "0000"],
    "empty",
  ],
  [
    "a ref below one that is deleted",
    ["<side0> <zero> refs/heads/side0|", "<zero> <main> refs/heads/side0/x", "0000"],
    "empty",
  ],
  ["through a symref", ["<main> <refs/new/next> refs/heads/alias|", "0000"], next],
  ["through a symref and beside it", [`${NEXT}|`, "<main> <refs/new/next> refs/heads/alias", "0000"], next],
  ["through a dangling symref", ["<zero> <main> refs/heads/dangling|", "0000"], "empty"],
  ["a deletion of a symref", ["<main> <zero> refs/heads/alias|", "0000"], "none"],
  ["a deletion of a dangling symref", ["<zero> <zero> refs/heads/dangling|", "0000"], "none"],
  ["the same ref twice", [`${CREATE}|`, CREATE, "<zero> <main> refs/heads/y", "0000"], "empty"],
  ["a branch of a tag", ["<zero> <v1> refs/heads/x|", "0000"], "empty"],
  ["a branch of a tree", ["<zero> <main^{tree}> refs/heads/x|", "0000"], "empty"],
  ["a branch of a blob", ["<zero> <main:README> refs/heads/x|", "0000"], "empty"],
  ["a tag of a blob", ["<zero> <main:README> refs/tags/x|", "0000"], "empty"],
  ["a branch moved to a tag", ["<main> <v1> refs/heads/main|", "0000"], "empty"],
  [
    "objects that are missing",
    ["<zero> <refs/new/above> refs/heads/x|", `${CREATE}2`, "0000"],
    above,
    UNCHECKED,
  ],
  ["an object that is missing", ["<zero> <none> refs/heads/x|", `${CREATE}2`, "0000"], "empty"],
  [
    "blobs that are missing",
    ["<zero> <refs/new/root> refs/heads/x|", "0000"],
    { revisions: ["<refs/new/root>"], flags: ["--filter=blob:none"] },
    UNCHECKED,
  ],
  [
    "a pack that is cut",
    ["<zero> <refs/new/root> refs/heads/x|", "0000"],
    { revisions: ["<refs/new/root>"], cutBytes: 30 },
  ],
  ["objects that fsck refuses", ["<zero> <refs/new/evil> refs/heads/x|", "0000"], evil],
  [
    "objects that fsck would refuse",
    ["<zero> <refs/new/evil> refs/heads/x|", "0000"],
    evil,
    ["receive.fsck.hasDotgit=ignore"],
  ],
  ["objects over the limit", [`${NEXT}|`, "0000"], after, ["receive.maxInputSize=64"]],
  ["objects below the limit", [`${NEXT}|`, "0000"], after, ["receive.maxInputSize=1m"]],
  ["objects that nobody asked for", [`${CREATE}|`, "0000"], root],
  ["a checked-out branch", [`${NEXT}|`, "0000"], next, ["core.bare=true"]],

  ["all or nothing, all", [`${NEXT}| atomic`, CREATE, "0000"], next],
  ["all or nothing, a stale id", ["<main~1> <refs/new/next> refs/heads/main| atomic", CREATE, "0000"], next],
  [
    "all or nothing, a funny name",
    [`${NEXT}| atomic`, "<zero> <main> refs/heads/a..b", CREATE, "0000"],
    next,
  ],
  [
    "all or nothing, what is denied",
    [`${CREATE}| atomic`, "<main> <refs/new/forced> refs/heads/main", "0000"],
    forced,
    ["receive.denyNonFastForwards=true"],
  ],
  [
    "all or nothing, the current branch",
    [`${CREATE}| atomic`, "<main> <zero> refs/heads/main", "0000"],
    "empty",
  ],
  [
    "all or nothing, a conflict of names",
    [`${CREATE}| atomic`, "<zero> <main> refs/heads/x/y", "0000"],
    "empty",
  ],
  ["all or nothing, below a ref", [`${CREATE}| atomic`, "<zero> <main> refs/heads/main/y", "0000"], "empty"],
  [
    "all or nothing, a ref below one that is deleted",
    ["<side0> <zero> refs/heads/side0| atomic", "<zero> <main> refs/heads/side0/x", "0000"],
    "empty",
  ],
  ["all or nothing, twice the same", [`${CREATE}| atomic`, CREATE, "0000"], "empty"],
  [
    "all or nothing, deletions",
    ["<side0> <zero> refs/heads/side0| atomic", "<side1> <zero> refs/heads/side1", "0000"],
    "none",
  ],
  [
    "all or nothing, a deletion of nothing",
    ["<side0> <zero> refs/heads/side0| atomic", "<zero> <zero> refs/heads/no", "0000"],
    "none",
  ],
  [
    "all or nothing, a broken pack",
    [`${NEXT}| atomic`, CREATE, "0000"],
    { revisions: ["<refs/new/root>"], cutBytes: 30 },
  ],

  [
    "push options",
    [`${CREATE}| push-options`, "0000", "a=b", "c", "0000"],
    "empty",
    ["receive.advertisePushOptions=true"],
  ],
  [
    "no push options",
    [`${CREATE}| push-options`, "0000", "0000"],
    "empty",
    ["receive.advertisePushOptions=true"],
  ],
  [
    "push options of a deletion",
    ["<side0> <zero> refs/heads/side0| push-options", "0000", "x", "0000"],
    "none",
    ["receive.advertisePushOptions=true"],
  ],
  ["quietly", [`${NEXT}| quiet`, "0000"], next],
  ["unknown capabilities", [`${NEXT}| unknown session-id=x`, "0000"], next],
  ["another object format", [`${CREATE}\0report-status object-format=md5`, "0000"], "empty"],

  ["a flush only", ["0000"], "none"],
  ["a line that is none", ["bogus", "0000"], "none"],
  ["a command without a name", ["<zero> <main>", "0000"], "none"],
  ["an id that is none", [`<zero> ${"g".repeat(40)} refs/heads/x`, "0000"], "none"],
  ["an end inside the commands", [`${CREATE}|`], "none"],
  ["a shallow line that is none", ["shallow x", "0000"], "none"],

  ["a shallow client whose root is known", ["shallow <main>", `${NEXT}|`, "0000"], next],
  ["a shallow client whose root is not used", ["shallow <none>", `${CREATE}|`, "0000"], "empty"],
  [
    "a shallow client whose root is new",
    ["shallow <refs/new/above>", "<zero> <refs/new/above> refs/heads/x|", `${CREATE}2`, "0000"],
    above,
  ],
  ["a deletion by a shallow client", ["shallow <main>", "<side0> <zero> refs/heads/side0|", "0000"], "none"],
];

const elsewhere: readonly (readonly [on: FixtureName, row: Row])[] = [
  ["empty", ["the first branch", ["<zero> <refs/new/root> refs/heads/main|", "0000"], root]],
  [
    "empty",
    ["the first branch, another than HEAD's", ["<zero> <refs/new/root> refs/heads/x|", "0000"], root],
  ],
  ["empty", ["a branch without objects", [`${CREATE}|`, "0000"], "empty"]],
  ["empty", ["a deletion", ["<main> <zero> refs/heads/main|", "0000"], "none"]],
  [
    "empty",
    ["a history that is cut", ["shallow <main>", `${CREATE}|`, "0000"], { revisions: ["<main^{tree}>"] }],
  ],
  ["shallow", ["a fast-forward", [`${NEXT}|`, "0000"], next]],
  ["shallow", ["a forced update", ["<main> <refs/new/forced> refs/heads/main|", "0000"], forced]],
  ["shallow", ["what lies below the roots", ["<zero> <v1~2> refs/heads/x|", "0000"], "empty"]],
  ["shallow", ["a root of its own", ["<zero> <main~3> refs/heads/x|", "0000"], "empty"]],
  ["shallow", ["by a client as shallow", ["shallow <main~3>", `${NEXT}|`, "0000"], next]],
  ["borrowing", ["a fast-forward", [`${NEXT}|`, "0000"], next]],
  [
    "borrowing",
    [
      "what only the origin names",
      ["<zero> <side0> refs/heads/side0|", "<zero> <v1> refs/tags/v1", "0000"],
      "empty",
    ],
  ],
  [
    "hidden",
    [
      "hidden refs",
      [
        "<open> <main> refs/pull/1/head|",
        "<zero> <main> refs/pull/9/head",
        "<side0> <zero> refs/heads/side",
        CREATE,
        "0000",
      ],
      "empty",
    ],
  ],
  ["hidden", ["a ref that is hidden from pushes", ["<v1~1> <main> refs/odd|", CREATE, "0000"], "empty"]],
  [
    "hidden",
    [
      "the deletion of a hidden ref",
      ["<side1> <zero> refs/heads/side1|", "<v1~1> <zero> refs/odd", "0000"],
      "none",
    ],
  ],
  [
    "hidden",
    ["a ref that is hidden from fetches only", ["<side0> <main> refs/notes/commits|", "0000"], "empty"],
  ],
  ["hidden", ["a funny name below a hidden one", ["<zero> <main> refs/pull/a..b|", "0000"], "empty"]],
  ["detached", ["the branch beside HEAD", [`${NEXT}|`, "0000"], next]],
  [
    "detached",
    ["the deletion of the branch beside HEAD", ["<main> <zero> refs/heads/main|", "0000"], "none"],
  ],
  ["unborn", ["the branch that HEAD names", ["<zero> <refs/new/next> refs/heads/not-yet|", "0000"], next]],
  [
    "unborn",
    ["the deletion of the branch that HEAD names", ["<main> <zero> refs/heads/not-yet|", "0000"], "none"],
  ],
];

/** Every push there is; some also without bands, with the second report, or without any. */
export function pushCases(): PushCase[] {
  const cases: PushCase[] = [...shallowPushes, ...objectPushes];
  const add = (on: FixtureName, [name, lines, pack, config = []]: Row, words: string, how: string): void => {
    const asked = lines.map((line) => line.replace("|", words));
    cases.push({ name: `${on}: ${name}${how}`, on, config, lines: asked, pack });
  };
  for (const row of pushes) add("history", row, banded, "");
  for (const [on, row] of elsewhere) add(on, row, banded, "");
  for (const [i, row] of pushes.entries()) {
    if (i % 5 === 0) add("history", row, bare, ", without bands");
    if (i % 7 === 0) add("history", row, banded.replace("status", "status-v2"), ", second report");
    if (i % 11 === 0) add("history", row, "\0side-band-64k object-format=<format>", ", no report");
  }
  return cases;
}
