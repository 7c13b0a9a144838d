import type { Oid } from "@millrace/pack";

/** Tells a server what the client has (gitprotocol-pack, "Packfile Negotiation"). */
export interface Negotiator {
  /** The next object to tell of, newest first; `undefined` where there is no more. */
  next(): Oid | undefined | Promise<Oid | undefined>;
  /** The server has this one: what it reaches need not be told any more. */
  acknowledge(oid: Oid): void;
}

/** Tells all of these, whatever the server says. */
export function tellAll(oids: Iterable<Oid>): Negotiator {
  const iterator = oids[Symbol.iterator]();
  return {
    next: () => {
      const { done, value } = iterator.next();
      return done === true ? undefined : value;
    },
    acknowledge: () => undefined,
  };
}
