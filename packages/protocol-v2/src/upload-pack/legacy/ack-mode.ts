import type { Oid } from "@millrace/pack";

/** How haves are answered in versions 0 and 1 (gitprotocol-capabilities, "multi_ack", "multi_ack_detailed"). */
export interface AckMode {
  /** A greater one wins where a client asks for two. */
  readonly rank: number;
  /** Whether more than the first common object is acknowledged. */
  readonly multiple: boolean;
  /** Whether the client is told when enough is known. */
  readonly tellsReady: boolean;
  /** The line for an object that both sides have. */
  common(oid: Oid): string;
  /** The line for one that only the client has, once enough is known: go on to the next commits. */
  enough(oid: Oid): string;
}

export const singleAck: AckMode = {
  rank: 0,
  multiple: false,
  tellsReady: false,
  common: (oid) => `ACK ${oid}\n`,
  enough: (oid) => `ACK ${oid}\n`,
};

export const multiAck: AckMode = {
  rank: 1,
  multiple: true,
  tellsReady: false,
  common: (oid) => `ACK ${oid} continue\n`,
  enough: (oid) => `ACK ${oid} continue\n`,
};

export const multiAckDetailed: AckMode = {
  rank: 2,
  multiple: true,
  tellsReady: true,
  common: (oid) => `ACK ${oid} common\n`,
  enough: (oid) => `ACK ${oid} ready\n`,
};
