import { formatObjectFilter, type ObjectFilter, type Oid, parseObjectFilter } from "@millrace/pack";
import { ProtocolError } from "../errors.ts";
import type { RemoteCapabilities } from "./capabilities.ts";
import type { Negotiator } from "./negotiator.ts";

/** What is fetched (gitprotocol-v2, "fetch"). */
export interface FetchRequest {
  readonly wants?: readonly Oid[] | undefined;
  /** Refs that the server resolves itself. */
  readonly wantRefs?: readonly string[] | undefined;
  /** What the client has. Default: nothing is told, so that nothing is left out. */
  readonly haves?: Negotiator | undefined;
  /** Leaves objects out. */
  readonly filter?: ObjectFilter | string | undefined;
  /** Whether all may come where the server knows no filters. Default `"fail"`. */
  readonly ifUnfiltered?: "fail" | "fetch-all" | undefined;
  /** Commits whose parents the client lacks. */
  readonly shallow?: readonly Oid[] | undefined;
  /** Commits from each want on, itself included. */
  readonly depth?: number | undefined;
  /** `depth` counts from the client's boundary. */
  readonly deepenRelative?: boolean | undefined;
  /** Commits since this time, in seconds of the epoch. */
  readonly deepenSince?: number | undefined;
  /** No commits that these refs reach. */
  readonly deepenNot?: readonly string[] | undefined;
  /** The pack may have deltas whose bases the client has. Default false. */
  readonly thinPack?: boolean | undefined;
  /** Tags come along that point to what is fetched. Default false. */
  readonly includeTag?: boolean | undefined;
  /** Told what the server says while it works. */
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The arguments that every round of a fetch has.
 * @throws `PROTOCOL_UNSUPPORTED` where the server lacks what is asked for, `PROTOCOL_BAD_REQUEST` where nothing is, and
 * `PACK_BAD_FILTER`.
 */
export function fetchArguments(request: FetchRequest, capabilities: RemoteCapabilities): string[] {
  const features = capabilities.features("fetch");
  const need = (feature: string, isNeeded: boolean): void => {
    if (isNeeded && features?.has(feature) !== true) {
      throw new ProtocolError("PROTOCOL_UNSUPPORTED", `the server's fetch has no ${feature}`);
    }
  };
  const { wants = [], wantRefs = [], shallow = [], deepenNot = [], depth, deepenSince } = request;
  if (wants.length + wantRefs.length === 0) {
    throw new ProtocolError("PROTOCOL_BAD_REQUEST", "a fetch that wants nothing");
  }
  if (features === undefined) throw new ProtocolError("PROTOCOL_UNSUPPORTED", "the server has no fetch");
  need("ref-in-want", wantRefs.length > 0);
  const deepens = depth !== undefined || deepenSince !== undefined || deepenNot.length > 0;
  need("shallow", deepens || shallow.length > 0);
  const filter = typeof request.filter === "string" ? parseObjectFilter(request.filter) : request.filter;
  if (request.ifUnfiltered !== "fetch-all") need("filter", filter !== undefined);
  return [
    ...(request.thinPack === true ? ["thin-pack"] : []),
    ...(request.onProgress === undefined ? ["no-progress"] : []),
    ...(request.includeTag === true ? ["include-tag"] : []),
    "ofs-delta",
    ...wants.map((oid) => `want ${oid}`),
    ...wantRefs.map((name) => `want-ref ${name}`),
    ...shallow.map((oid) => `shallow ${oid}`),
    ...(depth === undefined ? [] : [`deepen ${depth}`]),
    ...(request.deepenRelative === true ? ["deepen-relative"] : []),
    ...(deepenSince === undefined ? [] : [`deepen-since ${deepenSince}`]),
    ...deepenNot.map((name) => `deepen-not ${name}`),
    ...(filter !== undefined && features.has("filter") ? [`filter ${formatObjectFilter(filter)}`] : []),
  ];
}
