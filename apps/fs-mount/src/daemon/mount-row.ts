import { mountRepository, type RepositoryMount, type RepositoryMountOptions } from "../mount-repository.ts";
import type { KeeperHost } from "./keeper-host.ts";
import type { Row } from "./schema.ts";

/** What a mount is given that is no matter of what was registered. */
type Attended = Pick<
  RepositoryMountOptions,
  "place" | "signal" | "waiting" | "onPrepared" | "onFault" | "onLacking"
>;

/** Mounts what was registered, in the folders of a daemon. Throws as `mountRepository`. */
export async function mountRow(
  row: Row,
  { stateFolder, cacheFolder, cacheBytes }: KeeperHost,
  attended: Attended,
): Promise<RepositoryMount> {
  const { ref, directory, requireCommit, depth, allowOther, readOnly, lfs, uid, gid, redirects } = row;
  return await mountRepository({
    name: ref,
    directory,
    requireCommit,
    depth,
    allowOther,
    readOnly,
    lfs,
    uid,
    gid,
    redirects,
    gitDirectory: row.gitDirectory,
    preparedGitDirectory: row.preparedGitDirectory,
    stateFolder,
    cacheFolder,
    cacheBytes,
    withHistory: depth !== 1,
    ...attended,
  });
}
