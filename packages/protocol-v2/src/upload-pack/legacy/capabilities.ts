import { SIDEBAND_64K_DATA_BYTES, SIDEBAND_DATA_BYTES } from "@millrace/pktline";
import { sanitizeAgent } from "../../agent.ts";
import type { AdvertisingHost, CommandContext } from "../capability.ts";
import { checkObjectFormat } from "../object-format.ts";
import { type AckMode, multiAck, multiAckDetailed } from "./ack-mode.ts";
import type { LegacyRequest } from "./request.ts";

/** What a capability of versions 0 and 1 needs to describe itself. */
export interface LegacyAdvertisingContext {
  readonly host: AdvertisingHost;
  readonly agent: string;
  /** The requests that follow are stateless. */
  readonly stateless: boolean;
  /** What HEAD names, where it resolves. */
  readonly headTarget: string | undefined;
}

/** One word of the list behind the NUL (gitprotocol-capabilities). */
interface LegacyCapability {
  readonly name: string;
  /** Whether it is offered; absent: always. */
  offered?(context: LegacyAdvertisingContext): boolean;
  /** What follows the name and `=`; absent: the name is the word. */
  value?(context: LegacyAdvertisingContext): string | undefined;
  /** What it changes when a client sends it back; words without an effect need none. */
  apply?(request: LegacyRequest, value: string, context: CommandContext): void;
}

const canDeepen = ({ host }: LegacyAdvertisingContext): boolean => host.deepen !== undefined;
const useMode = (request: LegacyRequest, mode: AckMode): void => {
  if (mode.rank > request.ackMode.rank) request.ackMode = mode;
};
const useBands = (request: LegacyRequest, dataBytes: number): void => {
  request.maxDataBytes = Math.max(request.maxDataBytes ?? 0, dataBytes);
};

/** Everything this server can offer, in the order git tells it. */
const legacyCapabilities: readonly LegacyCapability[] = [
  { name: "multi_ack", apply: (request) => useMode(request, multiAck) },
  {
    name: "thin-pack",
    apply(request) {
      request.fetch.thinPack = true;
    },
  },
  { name: "side-band", apply: (request) => useBands(request, SIDEBAND_DATA_BYTES) },
  { name: "side-band-64k", apply: (request) => useBands(request, SIDEBAND_64K_DATA_BYTES) },
  {
    name: "ofs-delta",
    apply(request) {
      request.fetch.ofsDelta = true;
    },
  },
  { name: "shallow", offered: canDeepen },
  { name: "deepen-since", offered: canDeepen },
  { name: "deepen-not", offered: canDeepen },
  {
    name: "deepen-relative",
    offered: canDeepen,
    apply(request) {
      request.fetch.deepenRelative = true;
    },
  },
  {
    name: "no-progress",
    apply(request) {
      request.fetch.noProgress = true;
    },
  },
  {
    name: "include-tag",
    apply(request) {
      request.fetch.includeTag = true;
    },
  },
  { name: "multi_ack_detailed", apply: (request) => useMode(request, multiAckDetailed) },
  {
    name: "allow-tip-sha1-in-want",
    offered: ({ host }) => host.policy?.wants === "tips" || host.policy?.wants === "any",
  },
  {
    name: "allow-reachable-sha1-in-want",
    offered: ({ host }) => host.policy?.wants === "reachable" || host.policy?.wants === "any",
  },
  {
    name: "no-done",
    offered: ({ stateless }) => stateless,
    apply(request) {
      request.noDone = true;
    },
  },
  {
    name: "symref",
    offered: ({ headTarget }) => headTarget !== undefined,
    value: ({ headTarget }) => `HEAD:${headTarget}`,
  },
  {
    name: "filter",
    offered: ({ host }) => host.policy?.filters === true,
    apply(request, _, { host }) {
      request.filter = host.policy?.filters === true;
    },
  },
  {
    name: "session-id",
    offered: ({ host }) => host.policy?.sessionId !== undefined,
    value: ({ host }) => sanitizeAgent(host.policy?.sessionId ?? ""),
    apply(_, value, { client }) {
      client.sessionId = value;
    },
  },
  {
    name: "object-format",
    value: ({ host }) => host.objectFormat,
    apply: (_, value, { host }) => checkObjectFormat(host.objectFormat, value),
  },
  {
    name: "agent",
    value: ({ agent }) => sanitizeAgent(agent),
    apply(_, value, { client }) {
      client.agent = value;
    },
  },
];

const byName = new Map(legacyCapabilities.map((capability) => [capability.name, capability]));

/** The words behind the NUL. */
export function advertisedLegacyCapabilities(context: LegacyAdvertisingContext): string {
  return legacyCapabilities
    .filter((capability) => capability.offered?.(context) ?? true)
    .map(({ name, value }) => (value === undefined ? name : `${name}=${value(context)}`))
    .join(" ");
}

/** Takes one word as a client sent it; git ignores what it does not know. Throws `PROTOCOL_OBJECT_FORMAT`. */
export function applyLegacyCapability(request: LegacyRequest, word: string, context: CommandContext): void {
  const equals = word.indexOf("=");
  const capability = byName.get(equals < 0 ? word : word.slice(0, equals));
  capability?.apply?.(request, equals < 0 ? "" : word.slice(equals + 1), context);
}
