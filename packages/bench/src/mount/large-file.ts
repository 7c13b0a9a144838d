import { createCipheriv } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "../process/git.ts";

/** Where the large file is. */
export const LARGE_FILE = "large/large.bin";
export const LARGE_BYTES: number = 32 * 1024 * 1024;

/** Commits a file onto `main` that cannot be made smaller, the same in every run. */
export async function addLargeFile(repository: string, scratch: string, sizeBytes: number): Promise<void> {
  const content = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16)).update(
    Buffer.alloc(sizeBytes),
  );
  const input = join(scratch, "fast-import-large");
  const head =
    "commit refs/heads/main\ncommitter C <c@example.com> 1700000001 +0000\ndata 2\nl\nfrom refs/heads/main^0\n";
  const file = `M 100644 inline ${LARGE_FILE}\ndata ${sizeBytes}\n`;
  await writeFile(input, Buffer.concat([Buffer.from(head + file), content, Buffer.from("\ndone\n")]));
  await git(repository, ["fast-import", "--quiet"], { stdin: input });
  await git(repository, ["repack", "-adq"]);
}
