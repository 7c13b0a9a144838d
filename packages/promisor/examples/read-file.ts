import { createPromisor, openRemoteSource, openTree, SharedPromisor } from "@millrace/promisor";
import { type Credential, openHttpTransport, openRemote } from "@millrace/protocol-v2/client";

/** What agents and tools do with a repository that they have never seen: read a file, and search the others. */
export async function readAndSearch(
  url: string,
  branch: string,
  path: string,
  searched: string,
  credential?: Credential,
): Promise<{ content: string; found: string[] }> {
  const remote = openRemote(openHttpTransport(url, { credential }));
  try {
    const objects = new SharedPromisor(await createPromisor(openRemoteSource(remote)));
    // The refs, and one commit with its trees.
    const tree = await openTree({ objects, refs: remote }, branch);
    // One file.
    const content = Buffer.from(await tree.readFile(path)).toString();
    // All others, in one request.
    const found: string[] = [];
    for await (const hit of tree.grep({ pattern: searched, paths: "**/*.txt" })) {
      found.push(`${hit.path}:${hit.line}: ${hit.text}`);
    }
    return { content, found };
  } finally {
    await remote[Symbol.asyncDispose]();
  }
}
