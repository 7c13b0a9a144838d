import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import { type ConfigEntry, encodeConfig } from "@millrace/storage";
import { encodeTable, keyOfName } from "@millrace/storage/reftable";
import { createSharedModes, type SharedPermission } from "./files/shared-modes.ts";
import type { RefFormat } from "./schema.ts";

const DESCRIPTION = "Unnamed repository; edit this file 'description' to name the repository.\n";

const EXCLUDE = `# git ls-files --others --exclude-from=.git/info/exclude
# Lines that start with '#' are comments.
# For a project mostly in C, the following would be a good set of
# exclude patterns (uncomment them if you want to use them):
# *.[oa]
# *~
`;

const DIRECTORIES = ["branches", "hooks", "info", "objects/info", "objects/pack"];
const REF_DIRECTORIES = ["refs/heads", "refs/tags"];

/** What a new repository is to be. */
export interface InitOptions {
  readonly objectFormat: ObjectFormat;
  readonly refFormat: RefFormat;
  readonly head: string;
  readonly shared: SharedPermission;
  readonly config: readonly ConfigEntry[];
}

/** Lays out an empty bare repository in an existing directory as `git init --bare --shared` does, without sample hooks. */
export async function initRepository(directory: string, options: InitOptions): Promise<void> {
  const files: Readonly<Record<string, string | Uint8Array>> = {
    description: DESCRIPTION,
    "info/exclude": EXCLUDE,
    config: configFor(options),
    ...(options.refFormat === "files" ? { HEAD: `ref: ${options.head}\n` } : refTables(options)),
  };
  const directories = [
    ...DIRECTORIES,
    ...(options.refFormat === "files" ? REF_DIRECTORIES : ["refs", "reftable"]),
  ];
  for (const path of directories) await mkdir(join(directory, path), { recursive: true });
  for (const [path, content] of Object.entries(files)) await writeFile(join(directory, path), content);
  if (options.shared.bits === 0) return;
  const { adjust } = createSharedModes(options.shared);
  for (const path of ["", "refs", "objects", ...directories, ...Object.keys(files)]) {
    await adjust(join(directory, path));
  }
}

/** A stack with HEAD in it, and what keeps gits that know no tables from taking the repository for an empty one. */
function refTables({ objectFormat, head }: InitOptions): Record<string, string | Uint8Array> {
  const table = "0x000000000001-0x000000000001-00000001.ref";
  const symref = { key: "HEAD", updateIndex: 1, oid: undefined, peeled: undefined, symref: keyOfName(head) };
  return {
    HEAD: "ref: refs/heads/.invalid\n",
    "refs/heads": "this repository uses the reftable format\n",
    [`reftable/${table}`]: encodeTable({ format: objectFormat, minUpdateIndex: 1, maxUpdateIndex: 1 }, [
      symref,
    ]),
    "reftable/tables.list": `${table}\n`,
  };
}

function configFor({ objectFormat, refFormat, shared, config }: InitOptions): string {
  const extensions: string[] = [];
  if (objectFormat !== "sha1") extensions.push(`\tobjectformat = ${objectFormat}`);
  if (refFormat !== "files") extensions.push(`\trefstorage = ${refFormat}`);
  const isExtended = extensions.length > 0 || config.some(({ key }) => key.startsWith("extensions."));
  const lines = ["[core]", `\trepositoryformatversion = ${isExtended ? 1 : 0}`, "\tfilemode = true"];
  if (!config.some(({ key }) => key === "core.bare")) lines.push("\tbare = true");
  if (shared.bits !== 0) lines.push(`\tsharedrepository = ${formatPermission(shared)}`);
  if (extensions.length > 0) lines.push("[extensions]", ...extensions);
  if (shared.bits !== 0) lines.push("[receive]", "\tdenyNonFastforwards = true");
  return `${lines.join("\n")}\n${encodeConfig(config)}`;
}

/** By number, as git writes it for the sake of its oldest versions. */
function formatPermission({ bits, force }: SharedPermission): string {
  if (force) return `0${bits.toString(8)}`;
  return bits === 0o660 ? "1" : "2";
}
