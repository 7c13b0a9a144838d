import { PackError, type PackErrorCode } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";

/** A pack that was refused, as git tells it. */
export interface UnpackFault {
  /** The words behind `unpack `. */
  readonly reason: string;
  readonly messages: readonly string[];
}

/** git's programs that take a pack: small ones are unpacked, larger ones indexed. */
type Unpacker = "unpack-objects" | "index-pack";

/** Their last words, where they have some for the case. */
const FATAL: Readonly<Record<Unpacker, Readonly<Partial<Record<PackErrorCode, string>>>>> = {
  "index-pack": {
    PACK_TRUNCATED: "early EOF",
    PACK_CHECKSUM_MISMATCH: "pack is corrupted (SHA1 mismatch)",
  },
  "unpack-objects": {
    PACK_TRUNCATED: "early EOF",
    PACK_CHECKSUM_MISMATCH: "final sha1 did not match",
    PACK_MISSING_BASE: "unresolved deltas left after unpacking",
  },
};

/** What is known of a pack that was refused. */
export interface RefusedPack {
  /** As its header says. */
  readonly objectCount: number;
  /** git unpacks packs of fewer objects. */
  readonly unpackLimit: number;
  /** Whether only the blobs were left to be judged that trees give a meaning. */
  readonly isLate: boolean;
}

const TOO_LARGE = "pack exceeds maximum allowed size";

/** Turns an error of the quarantine into what the user is told; `undefined` where the push is not to blame. */
export function describeUnpackFault(
  error: unknown,
  { objectCount, unpackLimit, isLate }: RefusedPack,
): UnpackFault | undefined {
  const unpacker = objectCount < unpackLimit ? "unpack-objects" : "index-pack";
  const reason = `${unpacker} abnormal exit`;
  if (error instanceof PackError) {
    const fatal = FATAL[unpacker][error.code] ?? error.message;
    const isBare = unpacker === "unpack-objects" && fatal.startsWith(TOO_LARGE);
    return { reason, messages: [`fatal: ${isBare ? TOO_LARGE : fatal}`] };
  }
  if (!(error instanceof RepositoryError)) return undefined;
  if (error.code === "REPOSITORY_FSCK_FAILED") {
    const what = isLate && unpacker === "unpack-objects" ? "pack objects" : "packed object";
    return { reason, messages: [`error: ${error.message}`, `fatal: fsck error in ${what}`] };
  }
  if (error.code !== "REPOSITORY_BAD_FSCK_RULES") return undefined;
  return { reason, messages: [`fatal: ${error.message}`] };
}
