import type { ObjectFilter, ObjectFormat, Oid } from "@millrace/pack";
import { clientError } from "../../errors.ts";
import type { UploadPackPolicy } from "../../host.ts";
import type { CommandContext, Framing } from "../capability.ts";

/** What a client asks of a fetch, in any version, as its lines build it up. */
export interface FetchRequest {
  readonly objectFormat: ObjectFormat;
  readonly policy: UploadPackPolicy;
  readonly framing: Framing;
  readonly maxWants: number;
  /** Each once, in the order asked for. */
  readonly wants: Set<Oid>;
  /** Refs wanted by name, as sent. */
  readonly wantRefs: string[];
  /** As sent: one that comes twice is acknowledged twice. */
  readonly haves: Oid[];
  /** The client's shallow roots, each once. */
  readonly shallow: Set<Oid>;
  depth: number | undefined;
  deepenRelative: boolean;
  deepenSince: number | undefined;
  readonly deepenNot: string[];
  filter: ObjectFilter | undefined;
  done: boolean;
  waitForDone: boolean;
  thinPack: boolean;
  ofsDelta: boolean;
  includeTag: boolean;
  noProgress: boolean;
}

export function createFetchRequest(context: CommandContext): FetchRequest {
  return {
    objectFormat: context.host.objectFormat,
    policy: context.host.policy ?? {},
    framing: context.framing,
    maxWants: context.options.maxWants,
    wants: new Set(),
    wantRefs: [],
    haves: [],
    shallow: new Set(),
    depth: undefined,
    deepenRelative: false,
    deepenSince: undefined,
    deepenNot: [],
    filter: undefined,
    done: false,
    waitForDone: false,
    thinPack: false,
    ofsDelta: false,
    includeTag: false,
    noProgress: false,
  };
}

/** Throws `PROTOCOL_LIMIT_EXCEEDED` where more is wanted than one request may. */
export function checkWantCount(request: FetchRequest): void {
  if (request.wants.size + request.wantRefs.length > request.maxWants) {
    throw clientError("PROTOCOL_LIMIT_EXCEEDED", `upload-pack: more than ${request.maxWants} objects wanted`);
  }
}
