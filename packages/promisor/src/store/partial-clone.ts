import type { ConfigEntry } from "@millrace/storage";
import { PartialCloneSettings } from "../schema.ts";

/**
 * What makes git take a repository for a partial clone of another one, as its configuration has it (git-clone, `--filter`):
 * what is missing is fetched from there when it is needed, by whoever needs it.
 * @throws ZodError where the settings are malformed.
 */
export function partialCloneConfig(settings: PartialCloneSettings): readonly ConfigEntry[] {
  const { url, remote, filter, gitTidies } = PartialCloneSettings.parse(settings);
  const entries = [
    { key: "extensions.partialclone", value: remote },
    { key: `remote.${remote}.url`, value: url },
    { key: `remote.${remote}.fetch`, value: `+refs/heads/*:refs/remotes/${remote}/*` },
    { key: `remote.${remote}.promisor`, value: "true" },
    { key: `remote.${remote}.partialclonefilter`, value: filter },
    // A bitmap needs all that a pack's commits reach; git fails where it is to write one and cannot.
    { key: "repack.writebitmaps", value: "false" },
  ];
  if (gitTidies) return entries;
  return [...entries, { key: "gc.auto", value: "0" }, { key: "maintenance.auto", value: "false" }];
}
