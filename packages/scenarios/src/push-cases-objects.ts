import type { PushCase, PushPack } from "./push-cases.ts";

const words = "\0report-status side-band-64k object-format=<format>";
const NEXT = "<main> <refs/new/next> refs/heads/main";
const EVIL = "<zero> <refs/new/evil> refs/heads/x";

const after: PushPack = { revisions: ["<refs/new/after>", "^<main>"] };
const evil: PushPack = { revisions: ["<refs/new/evil>"] };
const modules: PushPack = { revisions: ["<refs/new/modules>"] };
const MODULES = "<zero> <refs/new/modules> refs/heads/x";

type Row = readonly [name: string, command: string, pack: PushPack, config?: readonly string[]];

/** What is there in place of a pack, or is wrong with it. */
const broken: readonly Row[] = [
  ["no pack at all", NEXT, "none"],
  ["a pack that ends inside its header", NEXT, { bytes: "PACK\0\0\0\u0002\0\0" }],
  ["a few bytes that are no pack", NEXT, { bytes: "PUCK" }],
  ["what is no pack", NEXT, { bytes: "PUCK\0\0\0\u0002\0\0\0\u0001rest" }],
  ["a pack of another version", NEXT, { bytes: "PACK\0\0\0\u0004\0\0\0\u0001rest" }],
  ["a pack of version 1", NEXT, { bytes: "PACK\0\0\0\u0001\0\0\0\u0001rest" }],
  ["a header alone", NEXT, { bytes: "PACK\0\0\0\u0002\0\0\0\u0001" }],
  ["a pack that is cut", NEXT, { ...after, cutBytes: 30 }],
  ["a pack without its trailer", NEXT, { ...after, cutBytes: 7 }],
  ["a pack with another trailer", NEXT, { ...after, bendsTrailer: true }],
  ["a pack that lacks an object", NEXT, evil, ["receive.fsckObjects=false"]],
  ["objects that fsck refuses", EVIL, evil],
  ["objects over the limit", NEXT, after, ["receive.maxInputSize=64"]],
];

/** git's two unpackers have their own words: small packs are unpacked unless told otherwise. */
const unpackers: readonly (readonly string[])[] = [[], ["receive.unpackLimit=-1"]];

const SKIP = "receive.fsck.skipList";

/** What configuration says of the checks. */
const checks: readonly Row[] = [
  ["an error turned into a warning", EVIL, evil, ["receive.fsck.hasDotgit=warn"]],
  ["a warning turned into an error", EVIL, evil, ["receive.fsck.hasDotgit=error"]],
  ["the last level counts", EVIL, evil, ["receive.fsck.hasDotgit=ignore", "receive.fsck.HASDOTGIT=error"]],
  ["a level of fsck", EVIL, evil, ["fsck.hasDotgit=ignore"]],
  ["a level that is none", EVIL, evil, ["receive.fsck.hasDotgit=fine"]],
  ["a level in capitals", EVIL, evil, ["receive.fsck.hasDotgit=Ignore"]],
  [
    "a level that is none, without checks",
    NEXT,
    after,
    ["receive.fsckObjects=false", "receive.fsck.hasDotgit=fine"],
  ],
  [
    "a message that git does not know",
    EVIL,
    evil,
    ["receive.fsck.hasCat=ignore", "receive.fsck.hasDotgit=ignore"],
  ],
  ["a message that nobody looks for", NEXT, after, ["receive.fsck.extraHeaderEntry=ignore"]],
  ["what cannot be less than an error", NEXT, after, ["receive.fsck.nulInHeader=warn"]],
  ["what can be no more than an error", NEXT, after, ["receive.fsck.unterminatedHeader=error"]],
  ["transfer.fsckObjects", EVIL, evil, ["receive.fsckObjects=true", "transfer.fsckObjects=false"]],

  ["a skip list", EVIL, evil, [`${SKIP}=skip/evil`]],
  ["two skip lists", EVIL, evil, [`${SKIP}=skip/evil`, `${SKIP}=skip/others`]],
  ["a skip list of others", EVIL, evil, [`${SKIP}=skip/others`]],
  ["a skip list with comments", EVIL, evil, [`${SKIP}=skip/commented`]],
  ["a skip list that is empty", EVIL, evil, [`${SKIP}=skip/empty`]],
  ["a skip list of abbreviations", EVIL, evil, [`${SKIP}=skip/short`]],
  ["a skip list of something else", EVIL, evil, [`${SKIP}=skip/words`]],
  ["a skip list of two names a line", EVIL, evil, [`${SKIP}=skip/two`]],
  ["a skip list that is missing", EVIL, evil, [`${SKIP}=skip/none`]],
  [
    "a skip list that is missing, without checks",
    EVIL,
    evil,
    ["receive.fsckObjects=false", `${SKIP}=skip/none`],
  ],
  ["a skip list of fsck", EVIL, evil, ["fsck.skipList=skip/evil"]],
  ["a skip list of the blob that is judged at the end", MODULES, modules, [`${SKIP}=skip/modules`]],
  ["what is judged at the end", MODULES, modules],
  ["what is judged at the end, as a warning", MODULES, modules, ["receive.fsck.gitmodulesUrl=warn"]],
];

/** Every push whose pack is not taken, or would not be but for the configuration. */
export const objectPushes: readonly PushCase[] = [
  ...unpackers.flatMap((limit) => broken.map((row) => toCase(row, limit))),
  ...unpackers.flatMap((limit) => checks.map((row) => toCase(row, limit))),
];

function toCase([name, command, pack, config = []]: Row, limit: readonly string[]): PushCase {
  return {
    name: `history: ${name}${limit.length === 0 ? "" : ", unpacked by git"}`,
    on: "history",
    config: [...config, ...limit],
    lines: [`${command}${words}`, "<zero> <main> refs/heads/y", "0000"],
    pack,
  };
}
