import type { Oid, OperationOptions } from "@millrace/pack";
import { type Snapshot, checkRefName, expandRefName } from "@millrace/storage";

/** The refs that a name may stand for, the one that git takes first. */
export async function findRefs(
  snapshot: Snapshot,
  name: string,
  options: OperationOptions = {},
): Promise<readonly Oid[]> {
  const found: Oid[] = [];
  for (const fullName of expandRefName(name)) {
    if (fullName === "HEAD") {
      const { oid } = await snapshot.head(options);
      if (oid !== undefined) found.push(oid);
    } else if (fullName.startsWith("refs/") && checkRefName(fullName)) {
      const ref = await snapshot.ref(fullName, options);
      if (ref !== undefined) found.push(ref.oid);
    }
  }
  return found;
}
