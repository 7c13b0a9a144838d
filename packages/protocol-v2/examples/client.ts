import { type Credential, openHttpTransport, openRemote } from "@millrace/protocol-v2/client";

/** The tip of a branch with its trees and no file's content, as a pack: what it takes to list a repository's files. */
export async function* fetchTrees(
  url: string,
  branch: string,
  credential?: Credential,
): AsyncGenerator<Uint8Array, void, undefined> {
  const remote = openRemote(openHttpTransport(url, { credential }));
  try {
    const name = `refs/heads/${branch}`;
    for await (const ref of remote.listRefs({ prefixes: [name] })) {
      if (ref.name !== name || ref.oid === undefined) continue;
      const { pack } = await remote.fetch({ wants: [ref.oid], depth: 1, filter: "blob:none" });
      yield* pack;
    }
  } finally {
    await remote[Symbol.asyncDispose]();
  }
}
