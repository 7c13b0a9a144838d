/**
 * What some objects of a pack refer to, by ids: the piece of a graph that can be written when an object is seen, before
 * it is known where its targets lie.
 *
 * `words` holds records, one behind another: the number of the entry in pack order, the kind of record, a count, and so
 * many items. The ids that the items refer to lie in their order in `oids`, 20 or 32 bytes each.
 *
 * - `LINKS_COMMIT`: low half and high half of the committer's time in seconds, 1 + number of parents; ids of the tree
 *   and the parents.
 * - `LINKS_TREE`: for each entry its target's type as packs number it (2 tree, 3 blob), or 0 for a gitlink, which has
 *   no id in `oids`.
 * - `LINKS_TAG`: the target's type; its id.
 * - `LINKS_TREE_BY_BASE`: the entry number of a tree in the same pack, then for each entry what `LINKS_TREE` has, or
 *   for a run of entries of that base `RUN_BIT` | count and the place of the first among the base's entries.
 */
export interface LinkFragment {
  readonly words: Uint32Array;
  readonly oids: Uint8Array;
}

export const LINKS_COMMIT = 1;
export const LINKS_TREE = 2;
export const LINKS_TAG = 3;
export const LINKS_TREE_BY_BASE = 4;

/** Words of a record in front of its items. */
export const RECORD_HEAD_WORDS = 3;

/** Bit of an item that starts a run. */
export const RUN_BIT = 0x80000000;
