import type { Random } from "./random.ts";

/** The size of a history to be made. */
export interface HistoryShape {
  /** At least so many objects come out, large blobs not counted. */
  readonly objects: number;
  /** Files of incompressible or dull content, a megabyte and more each. */
  readonly largeBlobs: number;
}

/** A commit to come: which files get a new version, and what it stands on. */
export interface PlannedCommit {
  /** Numbers of files, each once. */
  readonly files: readonly number[];
  /** Numbers of commits. */
  readonly parents: readonly number[];
}

/** A whole history before it is written: files have paths, and numbers from 0; so have commits. */
export interface HistoryPlan {
  readonly paths: readonly string[];
  readonly commits: readonly PlannedCommit[];
}

const ROOT_SHARE = 0.03;
const WIDE_SHARE = 0.3;
const MAX_FILES = 14_000;
/** A topic of a few commits is merged so often. */
const MERGE_EVERY = 40;

/**
 * Plans a history of one line of development with merged topics. A few files change all the time, which makes deep
 * delta chains; one folder holds nearly a third of all files, which makes wide trees.
 */
export function planHistory({ objects }: HistoryShape, random: Random): HistoryPlan {
  const paths = planPaths(Math.min(MAX_FILES, Math.max(60, Math.floor(objects / 30))));
  const everything = paths.map((_, file) => file);
  const commits: PlannedCommit[] = [{ files: everything, parents: [] }];
  let count = objectsOf(everything, paths);
  let tip = 0;
  const add = (files: readonly number[], parents: readonly number[]): number => {
    count += objectsOf(files, paths);
    return commits.push({ files, parents }) - 1;
  };
  while (count < objects) {
    if (commits.length % MERGE_EVERY !== 0) {
      tip = add(chooseFiles(paths, random), [tip]);
      continue;
    }
    const changed = new Set<number>();
    let topic = tip;
    for (let i = 0; i < 3; i++) {
      const files = chooseFiles(paths, random);
      for (const file of files) changed.add(file);
      topic = add(files, [topic]);
    }
    tip = add(chooseFiles(paths, random), [tip]);
    // The merge writes the topic's files anew: its trees differ from both sides, as those of real merges do.
    tip = add([...changed], [tip, topic]);
  }
  return { paths, commits };
}

function planPaths(count: number): string[] {
  const inRoot = Math.ceil(count * ROOT_SHARE);
  const inWide = Math.ceil(count * WIDE_SHARE);
  return Array.from({ length: count }, (_, file) => {
    const name = `${WORDS[file % WORDS.length]}-${file}.txt`;
    if (file % 3 === 0 && file / 3 < inWide) return `wide/${name}`;
    if (file < inRoot * 3) return name;
    return `src/${WORDS[file % 7]}/${WORDS[file % 31]}/${name}`;
  });
}

/** Low numbers are chosen far more often; the wide folder is touched by one commit in thirty. */
function chooseFiles(paths: readonly string[], random: Random): number[] {
  const files = new Set<number>();
  const allowWide = random.below(30) === 0;
  for (let wanted = 1 + random.below(4); wanted > 0; wanted--) {
    const share = random.below(1000) / 1000;
    const file = Math.floor(share ** 3 * paths.length);
    if (allowWide || paths[file]?.startsWith("wide/") === false) files.add(file);
    else files.add(Math.min(file + 1, paths.length - 1));
  }
  return [...files];
}

/** The commit, a blob for each file, and every folder on the way to one. */
function objectsOf(files: readonly number[], paths: readonly string[]): number {
  const folders = new Set<string>();
  for (const file of files) {
    const path = paths[file] ?? "";
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) folders.add(path.slice(0, at));
  }
  return 2 + folders.size + files.length;
}

/** Words that texts and names are made of. */
export const WORDS: readonly string[] = (
  "anchor basin bridge canal channel current dam delta drift eddy estuary ferry flood flow ford fork gate harbour " +
  "headwater inlet island jetty lake lock marsh meadow mill mouth pier pond pool port quay rapid reach reed ridge " +
  "river sand shoal shore sluice source spring stone stream swell tide torrent valley wave weir well wharf wheel"
).split(" ");
