import { streamSpan } from "@millrace/telemetry";
import type { AdvertisedRef, UploadPackHost } from "../../host.ts";
import { createLineBatch } from "../../line-batch.ts";
import { zeroOid } from "../../object-id.ts";
import { refBatches } from "../../ref-batches.ts";
import type { ChunkPool } from "../../stream/chunk-pool.ts";
import { type RefTeller, tellRefs } from "../../tell-refs.ts";
import { advertisedLegacyCapabilities, type LegacyAdvertisingContext } from "./capabilities.ts";

/** How refs are told in versions 0 and 1. */
export interface LegacyAdvertising {
  readonly version: 0 | 1;
  readonly agent: string;
  readonly stateless: boolean;
  /** Behind the line that names the service. */
  readonly http: boolean;
  readonly signal: AbortSignal | undefined;
  readonly chunks: ChunkPool | undefined;
}

/**
 * Every ref with its id and what tags point to, the capabilities behind the first; then the shallow roots of a
 * repository that has some. Where there is no ref the capabilities stand behind a name that is none.
 * Implements gitprotocol-pack, "Reference Discovery", and gitprotocol-http, "Smart Server Response".
 */
export function advertiseLegacyRefs(
  host: UploadPackHost,
  { version, agent, stateless, http, signal, chunks }: LegacyAdvertising,
): AsyncIterable<Uint8Array> {
  return streamSpan("upload_pack.ls_refs", {}, async function* (span) {
    const lines = createLineBatch({ chunks });
    if (http) {
      lines.add("# service=git-upload-pack\n");
      lines.addPacket("0000");
    }
    if (version === 1) lines.add("version 1\n");
    let refCount = 0;
    const words = (headTarget: string | undefined): string => {
      const context: LegacyAdvertisingContext = { host, agent, stateless, headTarget };
      return advertisedLegacyCapabilities(context);
    };
    let isFirst = true;
    const teller: RefTeller = {
      peeledForm: "line",
      tell(ref) {
        const more = isFirst ? `\0${words(headTarget(ref))}` : "";
        lines.add(`${ref.oid} ${ref.name}${more}\n`);
        if (ref.peeled !== undefined) lines.add(`${ref.peeled} ${ref.name}^{}\n`);
        isFirst = false;
      },
    };
    for await (const batch of refBatches(host, { peel: true, signal })) {
      refCount += yield* tellRefs(batch, lines, teller, isFirst);
    }
    if (isFirst) lines.add(`${zeroOid(host.objectFormat)} capabilities^{}\0${words(undefined)}\n`);
    for (const oid of (await host.shallowRoots?.({ signal })) ?? []) {
      lines.add(`shallow ${oid}\n`);
      if (lines.full) yield lines.take();
    }
    lines.addPacket("0000");
    span.set("ref_count", refCount);
    yield lines.take();
  });
}

/** HEAD comes first, where it resolves. */
function headTarget(first: AdvertisedRef): string | undefined {
  return first.name === "HEAD" ? first.symref : undefined;
}
