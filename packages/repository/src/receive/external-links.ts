import type { Oid, PackGraph } from "@millrace/pack";

/** Objects that a pack refers to and does not bring. */
export interface ExternalLinks {
  readonly commits: Oid[];
  /** Trees, blobs and tags, by what the referring object takes them for. */
  readonly others: Oid[];
}

/**
 * What the first `received` objects of a pack refer to and the pack does not have. Bases that completed it lie behind
 * them and do not count: they came from the repository.
 */
export function externalLinks(graph: PackGraph, received: number): ExternalLinks {
  const links: ExternalLinks = { commits: [], others: [] };
  if (graph.externalCount === 0) return links;
  const isSeen = new Uint8Array(graph.externalCount);
  for (let entry = 0; entry < received; entry++) {
    graph.eachOwnLink(entry, (node) => {
      const external = node - graph.count;
      if (external < 0 || isSeen[external] === 1) return;
      isSeen[external] = 1;
      (graph.type(node) === "commit" ? links.commits : links.others).push(graph.externalOid(node));
    });
  }
  return links;
}
