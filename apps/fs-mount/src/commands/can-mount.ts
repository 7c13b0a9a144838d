import { access, constants } from "node:fs/promises";
import { readMountRights } from "../rights.ts";
import { concealSecrets } from "../secrets.ts";

/** Why nothing can be mounted where no program may have the right. */
const NO_RIGHT =
  "no program may mount here, for lack of CAP_SYS_ADMIN (a container has it by --cap-add SYS_ADMIN)";

/** Throws before anything is fetched where nothing can be mounted. */
export async function probeMounting(repository: string, directory: string): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  try {
    // For anybody else a helper opens it, which has rights of its own.
    await access("/dev/fuse", isRoot ? constants.R_OK | constants.W_OK : constants.F_OK);
  } catch (cause) {
    throw cannotMount("/dev/fuse is missing or may not be opened", repository, directory, cause);
  }
  const { isWithinBounds } = await readMountRights();
  if (!isWithinBounds) throw cannotMount(NO_RIGHT, repository, directory);
}

/** What is thrown where nothing can be mounted: it names the way out. */
export function cannotMount(why: string, repository: string, directory: string, cause?: unknown): Error {
  const way = `Plain files are the way out: millrace-mount materialize ${concealSecrets(repository)} ${directory}`;
  return new Error(`cannot mount here: ${why}. ${way}`, { cause });
}

/** What keeps a machine, or its user, from mounting. */
const CANNOT_MOUNT = new Set([
  "FUSE_UNAVAILABLE",
  "FUSE_NOT_PERMITTED",
  "FUSE_HELPER_UNUSABLE",
  "FUSE_NATIVE_MISSING",
  "FUSE_MOUNT_FAILED",
]);

/** Whether an error says that this machine or this user cannot mount. */
export function saysCannotMount(error: unknown): boolean {
  return CANNOT_MOUNT.has(String((error as { readonly code?: unknown } | null)?.code));
}
