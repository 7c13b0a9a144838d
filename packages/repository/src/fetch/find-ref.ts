import type { Oid, OperationOptions } from "@millrace/pack";
import { type Snapshot, checkRefName } from "@millrace/storage";

/** Where git looks for a short ref name, in order (gitrevisions, "<refname>"). */
const RULES: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => `refs/${name}`,
  (name) => `refs/tags/${name}`,
  (name) => `refs/heads/${name}`,
  (name) => `refs/remotes/${name}`,
  (name) => `refs/remotes/${name}/HEAD`,
];

/** The refs that a name may stand for, the one that git takes first. */
export async function findRefs(
  snapshot: Snapshot,
  name: string,
  options: OperationOptions = {},
): Promise<readonly Oid[]> {
  const found: Oid[] = [];
  for (const rule of RULES) {
    const fullName = rule(name);
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
