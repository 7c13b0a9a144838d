import { PackError } from "../errors.ts";

/** What is wrong with a graph, and at which node. */
export function badGraph(why: string, node?: number): PackError {
  const where = node === undefined ? "" : ` (node ${node})`;
  return new PackError("PACK_BAD_GRAPH", `bad pack graph: ${why}${where}`);
}
