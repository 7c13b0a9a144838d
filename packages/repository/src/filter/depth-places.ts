import type { Place, Places } from "./place.ts";

/** Places told apart by depth: only what lies less deep than `depthBelow` is sent (`tree:<depth>`), blobs if asked for. */
export function createDepthPlaces(depthBelow: number, withBlobs: boolean): Places {
  /** Tree → the smallest depth it was met at; less deep, more of what is below it is sent. */
  const smallest = new Map<number, number>();
  const places: Place[] = [];
  const at = (depth: number): Place => (places[depth + 1] ??= createPlace(depth));

  const createPlace = (depth: number): Place => {
    const isOpen = depth + 1 < depthBelow;
    return {
      isOpen,
      enter(tree) {
        if (depth >= depthBelow) return false;
        const known = smallest.get(tree);
        if (known !== undefined && known <= depth) return false;
        smallest.set(tree, depth);
        return true;
      },
      below: () => at(depth + 1),
      sendsBlob: () => isOpen && withBlobs,
    };
  };
  return { root: at(0), given: at(-1) };
}
