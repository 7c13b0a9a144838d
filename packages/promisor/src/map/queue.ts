/** A first-in, first-out list that never changes: adding and taking make new ones that share what they can. */
export interface Queue<Item> {
  /** This queue with an item at its end. */
  with(item: Item): Queue<Item>;
  /** The first item and the queue behind it; `undefined` where there is none. */
  take(): { readonly item: Item; readonly rest: Queue<Item> } | undefined;
}

type List<Item> = { readonly item: Item; readonly rest: List<Item> } | undefined;

/** A queue without items. */
export function emptyQueue<Item>(): Queue<Item> {
  return queueOf<Item>(undefined, undefined);
}

/** Items leave from the front of `front` and arrive at the front of `back`, which is turned round when `front` is empty. */
function queueOf<Item>(front: List<Item>, back: List<Item>): Queue<Item> {
  return {
    with: (item) => queueOf(front, { item, rest: back }),
    take() {
      let first = front;
      let waiting = back;
      if (first === undefined) {
        for (; waiting !== undefined; waiting = waiting.rest) first = { item: waiting.item, rest: first };
      }
      if (first === undefined) return undefined;
      return { item: first.item, rest: queueOf(first.rest, waiting) };
    },
  };
}
