import { parseCommit, parseTree } from "@millrace/pack";
import { createPromisor, openRemoteSource, SharedPromisor } from "@millrace/promisor";
import { openHttpTransport, openRemote } from "@millrace/protocol-v2/client";

/** Reads a file at the top of a branch: the refs, one commit with its trees, and one blob are all that is fetched. */
export async function readFile(url: string, branch: string, name: string): Promise<Uint8Array | undefined> {
  const remote = openRemote(openHttpTransport(url));
  try {
    const objects = new SharedPromisor(await createPromisor(openRemoteSource(remote)));
    for await (const ref of remote.listRefs({ prefixes: [`refs/heads/${branch}`] })) {
      if (ref.name !== `refs/heads/${branch}` || ref.oid === undefined) continue;
      const commit = parseCommit((await objects.resolve(ref.oid)).content, objects.format);
      const tree = parseTree((await objects.resolve(commit.tree)).content, objects.format);
      const entry = tree.find((each) => Buffer.from(each.name).toString() === name);
      return entry === undefined ? undefined : (await objects.resolve(entry.oid)).content;
    }
    return undefined;
  } finally {
    await remote[Symbol.asyncDispose]();
  }
}
