import type { Oid } from "@millrace/pack";
import { clientError } from "../../errors.ts";
import type { UploadPackHost } from "../../host.ts";
import type { LineBatch } from "../../line-batch.ts";
import { printable } from "../../printable.ts";
import { type FetchFeature, valueArgument } from "./feature.ts";
import { checkWantCount, type FetchRequest } from "./request.ts";

/** With more names than this all refs are read, instead of some for each. */
const maxPrefixes = 256;

/** `want-ref`: what is wanted by name, so that no ref can move between its listing and the fetch. */
export const refInWant: FetchFeature = {
  advertised: "ref-in-want",
  offered: (host) => host.policy?.refInWant === true,
  arguments: [
    valueArgument("want-ref", (request, value) => {
      request.wantRefs.push(value);
      checkWantCount(request);
    }),
  ],
};

/** A ref wanted by name, and what it is. */
export interface WantedRef {
  readonly name: string;
  readonly oid: Oid;
}

/** Finds the refs wanted by name, in the order asked for. Throws `PROTOCOL_NOT_OUR_REF` where one is not there. */
export async function findWantedRefs(
  host: UploadPackHost,
  { wantRefs }: FetchRequest,
  signal: AbortSignal,
): Promise<readonly WantedRef[]> {
  if (wantRefs.length === 0) return [];
  const found = new Map<string, Oid | undefined>(wantRefs.map((name) => [name, undefined]));
  const prefixes = found.size > maxPrefixes ? undefined : [...found.keys()];
  for await (const ref of host.listRefs({ prefixes, signal })) {
    if (found.has(ref.name)) found.set(ref.name, ref.oid);
  }
  return wantRefs.map((name) => {
    const oid = found.get(name);
    if (oid === undefined) throw clientError("PROTOCOL_NOT_OUR_REF", `unknown ref ${printable(name)}`);
    return { name, oid };
  });
}

/** Adds the wanted-refs section (gitprotocol-v2, "wanted-refs section"). */
export function addWantedRefs(lines: LineBatch, refs: readonly WantedRef[]): void {
  if (refs.length === 0) return;
  lines.add("wanted-refs\n");
  for (const { oid, name } of refs) lines.add(`${oid} ${name}\n`);
  lines.addPacket("0001");
}
