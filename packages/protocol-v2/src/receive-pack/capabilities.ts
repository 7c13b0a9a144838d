import { sanitizeAgent } from "../agent.ts";
import type { ReceivePackHost, RefHost } from "../host.ts";
import type { PushRequest, PushRequestLimits } from "./push-request.ts";

/** What an advertisement is made from: members that a host does not have are features that are not offered. */
export type PushAdvertisingHost = RefHost & Partial<ReceivePackHost>;

/** What a capability of `git-receive-pack` needs to describe itself. */
export interface PushAdvertisingContext {
  readonly host: PushAdvertisingHost;
  readonly agent: string;
  readonly atomic: boolean;
}

/** One word of the list behind the NUL (gitprotocol-capabilities). */
interface PushCapability {
  readonly name: string;
  /** The word as offered; `undefined` where it is not. */
  advertise(context: PushAdvertisingContext): string | undefined;
  /** What it changes when a client sends it back; words without an effect need none. */
  readonly apply?: ((request: PushRequest, value: string, limits: PushRequestLimits) => void) | undefined;
}

/** Everything this server offers for pushes, in the order git tells it. */
const pushCapabilities: readonly PushCapability[] = [
  {
    name: "report-status",
    advertise: () => "report-status",
    apply(request) {
      request.reportStatus ??= 1;
    },
  },
  {
    name: "report-status-v2",
    advertise: () => "report-status-v2",
    apply(request) {
      request.reportStatus = 2;
    },
  },
  { name: "delete-refs", advertise: () => "delete-refs" },
  {
    name: "side-band-64k",
    advertise: () => "side-band-64k",
    apply(request) {
      request.sideband = true;
    },
  },
  {
    name: "quiet",
    advertise: () => "quiet",
    apply(request) {
      request.quiet = true;
    },
  },
  {
    name: "atomic",
    advertise: (context) => (context.atomic ? "atomic" : undefined),
    apply(request, _value, limits) {
      request.atomic = limits.atomic;
    },
  },
  { name: "ofs-delta", advertise: () => "ofs-delta" },
  {
    name: "push-options",
    advertise: ({ host }) => (host.policy?.pushOptions === true ? "push-options" : undefined),
    apply(request, _value, limits) {
      if (limits.pushOptions) request.pushOptions ??= [];
    },
  },
  {
    name: "session-id",
    advertise({ host }) {
      const id = host.policy?.sessionId;
      return id === undefined ? undefined : `session-id=${sanitizeAgent(id)}`;
    },
    apply(request, value) {
      request.client.sessionId = value;
    },
  },
  {
    name: "object-format",
    advertise: ({ host }) => `object-format=${host.objectFormat}`,
    apply(request, value) {
      request.objectFormat = value;
    },
  },
  {
    name: "agent",
    advertise: (context) => `agent=${sanitizeAgent(context.agent)}`,
    apply(request, value) {
      request.client.agent = value;
    },
  },
];

const byName = new Map(pushCapabilities.map((capability) => [capability.name, capability]));

/** The words behind the NUL. */
export function advertisedPushCapabilities(context: PushAdvertisingContext): string {
  return pushCapabilities.flatMap((capability) => capability.advertise(context) ?? []).join(" ");
}

/** Takes one word as a client sent it; git ignores what it does not know. */
export function applyPushCapability(request: PushRequest, word: string, limits: PushRequestLimits): void {
  const equals = word.indexOf("=");
  const capability = byName.get(equals < 0 ? word : word.slice(0, equals));
  capability?.apply?.(request, equals < 0 ? "" : word.slice(equals + 1), limits);
}
