import type { FixtureName } from "./fixtures.ts";
import type { PushCase, PushPack } from "./push-cases.ts";

const words = "\0report-status side-band-64k object-format=<format>";
const ALLOW = "receive.shallowUpdate=true";
const UNCHECKED = "receive.fsckObjects=false";

/** Histories as a client has them that knows nothing behind `root`. */
const cutAt = (root: string, tip: string = root, ...flags: string[]): PushPack => ({
  revisions: [`--shallow ${root}`, tip],
  flags,
});

const ABOVE = "<refs/new/above>";
const NEXT = "<refs/new/next>";
const FORCED = "<refs/new/forced>";

interface ShallowRow {
  readonly name: string;
  readonly on?: FixtureName;
  readonly lines: readonly string[];
  readonly pack: PushPack;
  readonly config?: readonly string[];
  /** Whether git loses its way where it is allowed. */
  readonly isForgotten?: true;
}

/**
 * Pushes by clients whose history is cut; each is asked where that is not allowed, and those of one whole ref where it is:
 * having taken a root, git forgets the commands behind that ref, and looks at none of its objects (`update_shallow_ref`
 * gives the next command to a function that empties the list).
 */
const rows: readonly ShallowRow[] = [
  {
    name: "a history whose root is new",
    lines: [`shallow ${ABOVE}`, `<zero> ${ABOVE} refs/heads/x|`, "0000"],
    pack: cutAt(ABOVE),
  },
  {
    name: "a new root beside what needs none",
    isForgotten: true,
    lines: [
      `shallow ${ABOVE}`,
      `<zero> ${ABOVE} refs/heads/x|`,
      "<zero> <main> refs/heads/y",
      "<side0> <zero> refs/heads/side0",
      `<zero> ${ABOVE} refs/tags/x`,
      "0000",
    ],
    pack: cutAt(ABOVE),
  },
  {
    name: "a new root whose parents are here",
    lines: [`shallow ${NEXT}`, `<main> ${NEXT} refs/heads/main|`, "0000"],
    pack: cutAt(NEXT),
  },
  {
    name: "two roots, each for a ref of its own",
    isForgotten: true,
    lines: [
      `shallow ${ABOVE}`,
      `shallow ${NEXT}`,
      `<zero> ${ABOVE} refs/heads/x|`,
      `<main> ${NEXT} refs/heads/main`,
      "0000",
    ],
    pack: { revisions: [`--shallow ${ABOVE}`, `--shallow ${NEXT}`, ABOVE, NEXT] },
  },
  {
    name: "two roots of which one ref is refused",
    lines: [
      `shallow ${ABOVE}`,
      `shallow ${NEXT}`,
      `<zero> ${ABOVE} refs/heads/a..b|`,
      `<main> ${NEXT} refs/heads/main`,
      "0000",
    ],
    pack: { revisions: [`--shallow ${ABOVE}`, `--shallow ${NEXT}`, ABOVE, NEXT] },
  },
  {
    name: "a root that refs reach",
    lines: ["shallow <main~2>", `<main> ${NEXT} refs/heads/main|`, "0000"],
    pack: { revisions: [NEXT, "^<main>"], flags: ["--thin"] },
  },
  {
    name: "a root that refs reach, on top of an older commit",
    lines: ["shallow <v1~2>", "<zero> <main~3> refs/heads/x|", "<zero> <v1~2> refs/heads/y", "0000"],
    pack: "empty",
  },
  {
    name: "a root that only the lender names",
    isForgotten: true,
    on: "borrowing",
    lines: ["shallow <side0>", "<zero> <side0> refs/heads/x|", "<zero> <side0> refs/heads/y", "0000"],
    pack: "empty",
  },
  {
    name: "a root of the lender behind what is pushed",
    on: "borrowing",
    lines: ["shallow <side0~1>", "<zero> <side0> refs/heads/x|", "0000"],
    pack: "empty",
  },
  {
    name: "a root that is missing here and not brought",
    lines: ["shallow <none>", `<main> ${NEXT} refs/heads/main|`, "0000"],
    pack: { revisions: [NEXT, "^<main>"], flags: ["--thin"] },
  },
  {
    name: "a root that nothing leads to",
    lines: [`shallow ${ABOVE}`, `<main> ${NEXT} refs/heads/main|`, "0000"],
    pack: { revisions: [`--shallow ${ABOVE}`, ABOVE, NEXT, "^<main>"] },
  },
  {
    name: "a tag of a cut history",
    lines: ["shallow <main~1>", "<zero> <new-tag> refs/tags/new|", "0000"],
    pack: { revisions: ["<new-tag>", "^<main>"] },
  },
  {
    name: "a cut history that is not whole",
    isForgotten: true,
    lines: [`shallow ${ABOVE}`, `<zero> ${ABOVE} refs/heads/x|`, "<zero> <main> refs/heads/y", "0000"],
    pack: cutAt(ABOVE, ABOVE, "--filter=blob:none"),
    config: [UNCHECKED],
  },
  {
    name: "a cut history beside one that is not whole",
    isForgotten: true,
    lines: [
      `shallow ${ABOVE}`,
      `<zero> ${ABOVE} refs/heads/x|`,
      `<zero> <none> refs/heads/y`,
      "<zero> <main> refs/heads/z",
      "0000",
    ],
    pack: cutAt(ABOVE),
    config: [UNCHECKED],
  },
  {
    name: "a cut history that is no fast-forward",
    lines: [`shallow ${FORCED}`, `<main> ${FORCED} refs/heads/main|`, "0000"],
    pack: cutAt(FORCED),
  },
  {
    name: "a cut history to a hidden ref",
    on: "hidden",
    lines: [`shallow ${ABOVE}`, `<zero> ${ABOVE} refs/pull/1/x|`, "0000"],
    pack: cutAt(ABOVE),
  },
  {
    name: "the first history",
    isForgotten: true,
    on: "empty",
    lines: ["shallow <main~1>", "<zero> <main> refs/heads/main|", "<zero> <main~1> refs/heads/x", "0000"],
    pack: cutAt("<main~1>", "<main>"),
  },
  {
    name: "a root that is one here",
    on: "shallow",
    lines: ["shallow <main~3>", `<main> ${NEXT} refs/heads/main|`, "0000"],
    pack: { revisions: [NEXT, "^<main>"], flags: ["--thin"] },
  },
  {
    name: "roots beside those that are here",
    isForgotten: true,
    on: "shallow",
    lines: [
      "shallow <main~3>",
      `shallow ${ABOVE}`,
      `<main> ${NEXT} refs/heads/main|`,
      `<zero> ${ABOVE} refs/heads/x`,
      "0000",
    ],
    pack: { revisions: [`--shallow ${ABOVE}`, ABOVE, NEXT, "^<main>"] },
  },
  {
    name: "a history behind the roots that are here, cut deeper",
    on: "shallow",
    lines: ["shallow <v1~2>", "<zero> <v1> refs/heads/x|", "0000"],
    pack: cutAt("<v1~2>", "<v1>"),
  },
];

/** Every push that would make a repository shallow. */
export const shallowPushes: readonly PushCase[] = rows.flatMap((row) => {
  const { name, on = "history", pack, config = [] } = row;
  const lines = row.lines.map((line) => line.replace("|", words));
  const refused = { name: `${on}: ${name}`, on, config, lines, pack };
  if (row.isForgotten === true) return [refused];
  return [refused, { ...refused, name: `${refused.name}, allowed`, config: [...config, ALLOW] }];
});
