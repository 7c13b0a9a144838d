import { tmpdir } from "node:os";
import { join } from "node:path";
import { openS3Storage, type S3StorageOptions } from "@millrace/storage-s3";

/** Makes a repository in a bucket unless it is there, and tells every branch of every repository. */
export async function listBranches(where: Omit<S3StorageOptions, "spoolFolder">): Promise<string[]> {
  const storage = await openS3Storage({ ...where, spoolFolder: join(tmpdir(), "millrace-spool") });
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
    const { symref } = await view.head();
    lines.push(`${name}: HEAD is ${symref}`);
    for await (const ref of view.refs({ prefixes: ["refs/heads/"] }))
      lines.push(`${name}: ${ref.name} ${ref.oid}`);
    await view[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
  await storage[Symbol.asyncDispose]();
  return lines;
}
