/** How grave git takes a finding to be by default; its strict mode makes errors of warnings. */
export type FsckSeverity = "error" | "warn" | "info";

/** One thing that git's fsck finds wrong with an object. */
export interface FsckFinding {
  /** Git's message id, such as "missingEmail" (git-fsck, "FSCK MESSAGES"). */
  readonly id: string;
  readonly severity: FsckSeverity;
  /** Git's text. */
  readonly message: string;
}

/**
 * The message ids that `fsckObject` and `FsckSession` may report, with git's default severity (git-fsck,
 * "FSCK MESSAGES"); what git calls fatal is an error here, what it ignores by default is not reported.
 */
export const FSCK_SEVERITIES: ReadonlyMap<string, FsckSeverity> = new Map<string, FsckSeverity>([
  ...ids(
    "error",
    "nulInHeader unterminatedHeader badDate badDateOverflow badEmail badName badObjectSha1 badParentSha1 badTimezone " +
      "badTree badTreeSha1 badType duplicateEntries missingAuthor missingCommitter missingEmail " +
      "missingNameBeforeEmail missingObject missingSpaceBeforeDate missingSpaceBeforeEmail missingTag missingTagEntry " +
      "missingTree missingType missingTypeEntry multipleAuthors treeNotSorted zeroPaddedDate gitmodulesMissing " +
      "gitmodulesBlob gitmodulesLarge gitmodulesName gitmodulesSymlink gitmodulesUrl gitmodulesPath gitmodulesUpdate " +
      "gitattributesMissing gitattributesBlob gitattributesLarge gitattributesLineLength",
  ),
  ...ids("warn", "emptyName fullPathname hasDot hasDotdot hasDotgit nullSha1 zeroPaddedFilemode nulInCommit"),
  ...ids(
    "info",
    "badFilemode badTagName missingTaggerEntry gitattributesSymlink gitignoreSymlink gitmodulesParse mailmapSymlink",
  ),
]);

/** Makes a finding of a known id. */
export function finding(id: string, message: string): FsckFinding {
  return { id, severity: FSCK_SEVERITIES.get(id) ?? "error", message };
}

function ids(severity: FsckSeverity, names: string): [string, FsckSeverity][] {
  return names.split(" ").map((name) => [name, severity]);
}
