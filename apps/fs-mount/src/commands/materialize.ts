import { resolve } from "node:path";
import { z } from "zod";
import { readAddress } from "../address.ts";
import { ConePath } from "../materialize/cone.ts";
import { materialize as write } from "../materialize/materialize.ts";
import { openPlace } from "../place.ts";
import { createProgress } from "./progress.ts";

/** The command line of `millrace-mount materialize`, as text. */
export interface MaterializeFlags {
  readonly history: boolean;
  readonly lfs?: boolean | undefined;
  readonly path?: readonly string[] | undefined;
}

const Flags = z.object({
  history: z.boolean(),
  lfs: z.boolean().optional(),
  path: z.array(ConePath).optional(),
});

/** Writes the files of a repository out as plain ones. */
export async function materialize(
  repository: string,
  directory: string,
  asked: MaterializeFlags,
): Promise<void> {
  const { history, lfs, path: paths } = Flags.parse(asked);
  const { repository: url, name } = readAddress(repository);
  await using place = await openPlace(url, process.env);
  const progress = createProgress();
  const { commit, files } = await write({
    place,
    name,
    directory: resolve(directory),
    paths,
    withHistory: history,
    lfs,
    onProgress: (done, total) => progress.show(`Writing files: ${done} of ${total}`),
  });
  progress.clear();
  process.stdout.write(`${place.address}@${name} (${commit.slice(0, 9)}): ${files} files in ${directory}\n`);
}
