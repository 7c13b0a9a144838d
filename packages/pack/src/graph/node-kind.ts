import { KIND_BLOB, KIND_COMMIT, KIND_TAG, KIND_TREE } from "../scan/pack-entry.ts";

/** Kind of a node that is a commit: its words are the low and the high half of its time, its tree, its parents. */
export const NODE_COMMIT: number = KIND_COMMIT;
/** Kind of a tree with a word for each entry, in the tree's order: the target's node, or `GITLINK`. */
export const NODE_TREE: number = KIND_TREE;
/** Kind of a blob, which has no words. */
export const NODE_BLOB: number = KIND_BLOB;
/** Kind of a tag, whose one word is its target. */
export const NODE_TAG: number = KIND_TAG;
/**
 * Kind of a tree that is told by its difference to another one: first that base, then items. An item is what a plain
 * tree has for an entry, or a run of entries copied from the base: a negative word, `RUN_BIT | count`, then the place of
 * the first of them.
 */
export const NODE_TREE_BY_BASE: number = KIND_TREE | 8;

/** The bits of a node's kind that tell the object's type, both kinds of tree alike. */
export const NODE_TYPE_MASK = 7;

/** Word of a submodule's entry, which has no target here. */
export const GITLINK = 0x7fffffff;
/** The bits of a word that starts a run which count the run's entries. */
export const RUN_COUNT_MASK = 0x7fffffff;

/** How many bases a tree may stand on; the next one is stored plainly. git's own delta chains end at 50. */
export const MAX_BASE_DEPTH = 64;
