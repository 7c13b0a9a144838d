import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";

const DESCRIPTION = "Unnamed repository; edit this file 'description' to name the repository.\n";

const EXCLUDE = `# git ls-files --others --exclude-from=.git/info/exclude
# Lines that start with '#' are comments.
# For a project mostly in C, the following would be a good set of
# exclude patterns (uncomment them if you want to use them):
# *.[oa]
# *~
`;

const DIRECTORIES = ["branches", "hooks", "info", "objects/info", "objects/pack", "refs/heads", "refs/tags"];

/** Lays out an empty bare repository in an existing directory as `git init --bare` does, without sample hooks. */
export async function initRepository(directory: string, format: ObjectFormat, head: string): Promise<void> {
  for (const path of DIRECTORIES) await mkdir(join(directory, path), { recursive: true });
  await writeFile(join(directory, "description"), DESCRIPTION);
  await writeFile(join(directory, "info", "exclude"), EXCLUDE);
  await writeFile(join(directory, "config"), configFor(format));
  await writeFile(join(directory, "HEAD"), `ref: ${head}\n`);
}

function configFor(format: ObjectFormat): string {
  const core = (version: number): string =>
    `[core]\n\trepositoryformatversion = ${version}\n\tfilemode = true\n\tbare = true\n`;
  return format === "sha1" ? core(0) : `${core(1)}[extensions]\n\tobjectformat = ${format}\n`;
}
