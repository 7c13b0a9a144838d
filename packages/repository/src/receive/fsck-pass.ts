import {
  FSCK_SEVERITIES,
  type FsckFinding,
  type FsckSession,
  type ObjectFormat,
  type ObjectType,
  type Oid,
  type OperationOptions,
  createFsckSession,
  oidFromBytes,
  oidToBytes,
} from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { FsckLevel } from "../schema.ts";

/** What old, honest histories have: told, not refused. */
const LENIENT = ["zeroPaddedFilemode", "badTimezone", "missingSpaceBeforeDate"] as const;

/** A push may be full of warnings; so many are shown. */
const MAX_WARNINGS = 20;

/** git itself reads no larger `.gitmodules`. */
const MAX_SPECIAL_BLOB_BYTES = 100 * 1024 * 1024;

/**
 * The levels that pushes are checked with, by fsck message id: strict as `receive.fsckObjects` is, so git's warnings
 * are errors too, but for what old honest histories have.
 */
export const defaultFsckLevels: Readonly<Record<string, FsckLevel>> = Object.fromEntries([
  ...[...FSCK_SEVERITIES].map(([id, severity]) => [id, severity === "info" ? "ignore" : "error"] as const),
  ...LENIENT.map((id) => [id, "warn"] as const),
]);

/** The object checks of one push. */
export interface FsckPass {
  /** Checks the objects as they arrive. */
  readonly session: FsckSession;
  /** Judges what was found in one of them. Throws `REPOSITORY_FSCK_FAILED`. */
  onFindings(this: void, type: ObjectType, oid: Uint8Array, findings: readonly FsckFinding[]): void;
  /** Checks the blobs that trees name `.gitmodules` and `.gitattributes`, once everything can be read. */
  finish(reader: ObjectReader, options?: OperationOptions): Promise<void>;
  /** Whether `finish` has begun. */
  readonly isLate: boolean;
}

/** How findings are judged. */
export interface FsckJudgement {
  /** Over the defaults. */
  readonly levels: Readonly<Record<string, FsckLevel>>;
  /** Objects that are as they are. */
  readonly skip: ReadonlySet<Oid>;
}

/** Starts the checks of a push; `warn` is told, line by line, what is odd and not refused. */
export function createFsckPass(
  format: ObjectFormat,
  { levels, skip }: FsckJudgement,
  warn: (line: string) => void,
): FsckPass {
  const session = createFsckSession(format);
  let warnings = 0;
  let isLate = false;

  const judge = (findings: readonly FsckFinding[], oid: Oid): void => {
    if (skip.has(oid)) return;
    for (const { id, message } of findings) {
      const level = levels[id] ?? defaultFsckLevels[id] ?? "error";
      const line = `object ${oid}: ${id}: ${message}`;
      if (level === "error") throw new RepositoryError("REPOSITORY_FSCK_FAILED", line, { oid });
      if (level === "warn" && ++warnings <= MAX_WARNINGS) warn(`warning: ${line}`);
    }
  };

  return {
    session,
    onFindings: (_type, oid, findings) => judge(findings, oidFromBytes(oid, 0, format)),
    get isLate() {
      return isLate;
    },
    async finish(reader, options = {}) {
      isLate = true;
      const found = await session.finish((oid) => readSpecialBlob(reader, oid), options);
      for (const finding of found) judge([finding], finding.oid);
    },
  };
}

async function readSpecialBlob(
  reader: ObjectReader,
  oid: Oid,
): Promise<{ type: ObjectType; content: Uint8Array | undefined } | undefined> {
  const bytes = oidToBytes(oid);
  const info = await reader.info(bytes);
  if (info === undefined) return undefined;
  const isReadable = info.type === "blob" && info.sizeBytes <= MAX_SPECIAL_BLOB_BYTES;
  return { type: info.type, content: isReadable ? (await reader.read(bytes)).content : undefined };
}
