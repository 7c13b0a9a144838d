import { stat } from "node:fs/promises";
import { MountError } from "../errors.ts";
import { type Damage, findDamage, findDamageAt } from "../git-directory/damage.ts";
import { ownGitDirectory } from "../git-directory/where.ts";
import type { Row } from "./schema.ts";

/**
 * Looks whether the git directory of a row is damaged. One that was brought is nothing that is made anew.
 * @throws MountError MOUNT_PREPARED_DAMAGED of that; as `findDamage`
 */
export async function findDamageOf(
  { preparedGitDirectory: brought }: Row,
  stateFolder: string,
  signal: AbortSignal,
): Promise<Damage | undefined> {
  if (brought === undefined) return await findDamage(ownGitDirectory(stateFolder), { signal });
  // Where there is none, who mounts it says so.
  if ((await stat(brought).catch(() => undefined)) === undefined) return undefined;
  const damage = await findDamageAt(brought, undefined, { signal, environment: { GIT_NO_LAZY_FETCH: "0" } });
  if (damage === undefined) return undefined;
  throw new MountError("MOUNT_PREPARED_DAMAGED", `${brought} is damaged: ${damage.words}`);
}
