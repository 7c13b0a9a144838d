/** Where in a commit's tree a walk stands: a filter may send an object at one place and not at another. */
export interface Place {
  /** Takes note that a tree is here; `false` where that can bring nothing new. */
  enter(tree: number): boolean;
  /** Whether anything below the trees here can be sent. */
  readonly isOpen: boolean;
  /** The place of a directory in this one. `content` holds its name in latin1 between the two offsets. */
  below(content: Uint8Array, nameStart: number, nameEnd: number): Place;
  /** Whether the blob with this name is sent. */
  sendsBlob(content: Uint8Array, nameStart: number, nameEnd: number): boolean;
}

/** The places that a walk starts from. */
export interface Places {
  /** Where root trees of commits stand. */
  readonly root: Place;
  /** Where trees stand that were asked for by id: filters see what is below them as if it lay at the top. */
  readonly given: Place;
}
