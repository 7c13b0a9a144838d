import type { Oid } from "@millrace/pack";
import type { Remote } from "@millrace/protocol-v2/client";
import { SourceLimits } from "../schema.ts";
import type { FetchedPack, FetchOptions, ObjectSource } from "./object-source.ts";
import { readFetchedPack } from "./read-pack.ts";

/**
 * The objects of a remote repository. Where its server knows no filters all comes that a want reaches, within the depth.
 * Calls throw as those of `Remote` do, and as `indexPack`.
 * @throws ZodError where the limits are malformed.
 */
export function openRemoteSource(remote: Remote, limits: SourceLimits = {}): ObjectSource {
  const bounds = SourceLimits.parse(limits);
  const fetchPack = async (wants: readonly Oid[], options: FetchOptions = {}): Promise<FetchedPack> => {
    const { filter, depth, onProgress, signal } = options;
    const capabilities = await remote.capabilities({ signal });
    const isCutting = capabilities.features("fetch")?.has("shallow") === true;
    return remote.fetch({
      wants,
      filter,
      ifUnfiltered: "fetch-all",
      depth: isCutting ? depth : undefined,
      onProgress,
      signal,
    });
  };
  return {
    address: remote.address,
    objectFormat: async (options) => (await remote.capabilities(options)).objectFormat,
    async fetch(wants, options = {}) {
      const { signal } = options;
      const { objectFormat } = await remote.capabilities({ signal });
      return readFetchedPack(() => fetchPack(wants, options), objectFormat, bounds, signal);
    },
    fetchPack,
    sizes: (oids, options) => remote.objectSizes(oids, options),
  };
}
