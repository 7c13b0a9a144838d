import { PackError, type PackErrorCode } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";

/** A pack that was refused, as git tells it. */
export interface UnpackFault {
  /** The words behind `unpack `. */
  readonly reason: string;
  readonly messages: readonly string[];
}

const REASON = "index-pack abnormal exit";

/** git index-pack's own last words, where it has some for the case. */
const FATAL: Readonly<Partial<Record<PackErrorCode, string>>> = {
  PACK_TRUNCATED: "early EOF",
  PACK_BAD_HEADER: "pack signature mismatch",
  PACK_CHECKSUM_MISMATCH: "pack is corrupted (SHA1 mismatch)",
};

/** Turns an error of the quarantine into what the user is told; `undefined` where the push is not to blame. */
export function describeUnpackFault(error: unknown): UnpackFault | undefined {
  if (error instanceof PackError) {
    return { reason: REASON, messages: [`fatal: ${FATAL[error.code] ?? error.message}`] };
  }
  if (error instanceof RepositoryError && error.code === "REPOSITORY_FSCK_FAILED") {
    return { reason: REASON, messages: [`error: ${error.message}`, "fatal: fsck error in packed object"] };
  }
  return undefined;
}
