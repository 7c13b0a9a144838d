import { openFsStorage } from "@millrace/storage-fs";

/** Makes a repository below a directory unless it is there, and tells every branch of every repository. */
export async function listBranches(root: string): Promise<string[]> {
  const storage = openFsStorage({ root });
  try {
    const made = await storage.create("team/project.git");
    await made[Symbol.asyncDispose]();
  } catch (error) {
    if ((error as { code?: string }).code !== "STORAGE_EXISTS") throw error;
  }

  const lines: string[] = [];
  for await (const name of storage.list()) {
    const store = await storage.open(name);
    const view = await store.snapshot();
    try {
      const { symref } = await view.head();
      lines.push(`${name}: HEAD is ${symref}`);
      for await (const ref of view.refs({ prefixes: ["refs/heads/"] }))
        lines.push(`${name}: ${ref.name} ${ref.oid}`);
    } finally {
      await view[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    }
  }
  return lines;
}
