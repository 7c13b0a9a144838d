import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import type { ConfigEntry } from "@millrace/storage";
import { encodeConfig } from "./config/encode-config.ts";
import { createSharedModes, type SharedPermission } from "./files/shared-modes.ts";

const DESCRIPTION = "Unnamed repository; edit this file 'description' to name the repository.\n";

const EXCLUDE = `# git ls-files --others --exclude-from=.git/info/exclude
# Lines that start with '#' are comments.
# For a project mostly in C, the following would be a good set of
# exclude patterns (uncomment them if you want to use them):
# *.[oa]
# *~
`;

const DIRECTORIES = ["branches", "hooks", "info", "objects/info", "objects/pack", "refs/heads", "refs/tags"];

/** What a new repository is to be. */
export interface InitOptions {
  readonly objectFormat: ObjectFormat;
  readonly head: string;
  readonly shared: SharedPermission;
  readonly config: readonly ConfigEntry[];
}

/** Lays out an empty bare repository in an existing directory as `git init --bare --shared` does, without sample hooks. */
export async function initRepository(directory: string, options: InitOptions): Promise<void> {
  const files: Readonly<Record<string, string>> = {
    description: DESCRIPTION,
    "info/exclude": EXCLUDE,
    config: configFor(options),
    HEAD: `ref: ${options.head}\n`,
  };
  for (const path of DIRECTORIES) await mkdir(join(directory, path), { recursive: true });
  for (const [path, content] of Object.entries(files)) await writeFile(join(directory, path), content);
  if (options.shared.bits === 0) return;
  const { adjust } = createSharedModes(options.shared);
  for (const path of ["", "refs", "objects", ...DIRECTORIES, ...Object.keys(files)]) {
    await adjust(join(directory, path));
  }
}

function configFor({ objectFormat, shared, config }: InitOptions): string {
  const lines = ["[core]", `\trepositoryformatversion = ${objectFormat === "sha1" ? 0 : 1}`];
  lines.push("\tfilemode = true", "\tbare = true");
  if (shared.bits !== 0) lines.push(`\tsharedrepository = ${formatPermission(shared)}`);
  if (objectFormat !== "sha1") lines.push("[extensions]", `\tobjectformat = ${objectFormat}`);
  if (shared.bits !== 0) lines.push("[receive]", "\tdenyNonFastforwards = true");
  return `${lines.join("\n")}\n${encodeConfig(config)}`;
}

/** By number, as git writes it for the sake of its oldest versions. */
function formatPermission({ bits, force }: SharedPermission): string {
  if (force) return `0${bits.toString(8)}`;
  return bits === 0o660 ? "1" : "2";
}
