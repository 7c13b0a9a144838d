import type { Remote } from "@millrace/protocol-v2/client";
import { SourceLimits } from "../schema.ts";
import type { ObjectSource } from "./object-source.ts";
import { readPackObjects } from "./read-pack.ts";

/**
 * The objects of a remote repository. Where its server knows no filters all comes that a want reaches, within the depth.
 * Calls throw as those of `Remote` do, and as `indexPack`.
 * @throws ZodError where the limits are malformed.
 */
export function openRemoteSource(remote: Remote, limits: SourceLimits = {}): ObjectSource {
  const bounds = SourceLimits.parse(limits);
  return {
    address: remote.address,
    objectFormat: async (options) => (await remote.capabilities(options)).objectFormat,
    async fetch(wants, { filter, depth, onProgress, signal } = {}) {
      const capabilities = await remote.capabilities({ signal });
      const isCutting = capabilities.features("fetch")?.has("shallow") === true;
      const answer = await remote.fetch({
        wants,
        filter,
        ifUnfiltered: "fetch-all",
        depth: isCutting ? depth : undefined,
        onProgress,
        signal,
      });
      return readPackObjects(answer.pack, capabilities.objectFormat, bounds, signal);
    },
    sizes: (oids, options) => remote.objectSizes(oids, options),
  };
}
