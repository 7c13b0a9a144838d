import type { OverlayViewNode } from "./overlay-view-node.ts";

/** The view's number of the root. */
const ROOT_NODE = 1;

/** One name of a node: where it is, and what it is called there. */
export interface NodeName {
  readonly directory: OverlayViewNode;
  readonly name: string;
}

/**
 * By which names nodes were found, so that whoever changes a node can tell the paths that it shows at. A kernel knows a node only by a
 * name that it has looked up; of further links of a file those are known that somebody has looked up, too.
 */
export class NodeNames {
  /** Of nodes with several links, those beside the one that the node itself has. */
  readonly #others = new WeakMap<OverlayViewNode, NodeName[]>();

  /** A node was found by a name. */
  found(node: OverlayViewNode, directory: OverlayViewNode, name: string): void {
    if (node.parent === directory && node.name === name) return;
    if (node.parent === undefined || node.nlink < 2) {
      node.parent = directory;
      node.name = name;
      return;
    }
    const others = this.#others.get(node) ?? [];
    if (others.some((other) => other.directory === directory && other.name === name)) return;
    this.#others.set(node, [...others, { directory, name }]);
  }

  /** A name leads to it no more. */
  lost(node: OverlayViewNode, directory: OverlayViewNode, name: string): void {
    const others = (this.#others.get(node) ?? []).filter(
      (other) => other.directory !== directory || other.name !== name,
    );
    if (node.parent === directory && node.name === name) {
      const next = others.shift();
      node.parent = next?.directory;
      node.name = next?.name ?? "";
    }
    if (others.length > 0) this.#others.set(node, others);
    else this.#others.delete(node);
  }

  /**
   * The paths of a node, from the root on, without a slash at their end.
   * @param isAlive whether a node is still the one for what it shows
   * @returns `undefined` where one is not known
   */
  pathsOf(node: OverlayViewNode, isAlive: (node: OverlayViewNode) => boolean): string[] | undefined {
    const { nlink } = node;
    if (nlink === 0) return [];
    if (node.parent === undefined) return undefined;
    if (nlink === 1 && !this.#others.has(node)) {
      const above = pathOf(node.parent, isAlive);
      return above === undefined ? undefined : [above + node.name];
    }
    const names = [{ directory: node.parent, name: node.name }, ...(this.#others.get(node) ?? [])];
    if (names.length < nlink) return undefined;
    const paths: string[] = [];
    for (const { directory, name } of names) {
      const above = pathOf(directory, isAlive);
      if (above === undefined) return undefined;
      paths.push(above + name);
    }
    return paths;
  }
}

/** The path of a directory, with a slash at its end; the root's is empty. `undefined` where it is not known. */
export function pathOf(
  directory: OverlayViewNode,
  isAlive: (node: OverlayViewNode) => boolean,
): string | undefined {
  let path = "";
  for (let at = directory; at.id !== ROOT_NODE; ) {
    if (at.parent === undefined || !isAlive(at)) return undefined;
    path = `${at.name}/${path}`;
    at = at.parent;
  }
  return path;
}
