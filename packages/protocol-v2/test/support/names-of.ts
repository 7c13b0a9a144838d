import type { Remote } from "../../src/client/index.ts";

/** The names of the refs that a remote repository lists, in its order; then the remote is closed. */
export async function namesOf(remote: Remote): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of remote.listRefs()) names.push(name);
    return names;
  } finally {
    await remote[Symbol.asyncDispose]();
  }
}
