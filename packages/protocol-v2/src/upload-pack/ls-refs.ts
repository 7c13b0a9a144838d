import { streamSpan } from "@millrace/telemetry";
import { clientError } from "../errors.ts";
import type { AdvertisedRef } from "../host.ts";
import { createLineBatch } from "../line-batch.ts";
import { printable } from "../printable.ts";
import { refBatches } from "../ref-batches.ts";
import { type RefTeller, tellRefs } from "../tell-refs.ts";
import type { Capability, CommandContext } from "./capability.ts";

/** From this many prefixes on git takes none of them as a restriction. */
const tooManyPrefixes = 65_536;
const prefixArgument = "ref-prefix ";

interface LsRefsRequest {
  peel: boolean;
  symrefs: boolean;
  unborn: boolean;
  readonly prefixes: string[];
}

/** `ls-refs`: the refs, as many as were asked for (gitprotocol-v2, "ls-refs"). */
export const lsRefs: Capability = {
  name: "ls-refs",
  advertise: () => "unborn",
  command(context) {
    const request: LsRefsRequest = { peel: false, symrefs: false, unborn: false, prefixes: [] };
    return {
      argument: (line) => takeArgument(request, line),
      answer: () => answerLsRefs(context, request),
    };
  },
};

function takeArgument(request: LsRefsRequest, line: string): void {
  if (line === "peel") request.peel = true;
  else if (line === "symrefs") request.symrefs = true;
  else if (line === "unborn") request.unborn = true;
  else if (line.startsWith(prefixArgument)) {
    if (request.prefixes.length < tooManyPrefixes) request.prefixes.push(line.slice(prefixArgument.length));
  } else throw clientError("PROTOCOL_BAD_REQUEST", `unexpected line: '${printable(line)}'`);
}

function answerLsRefs(
  { host, options, signal }: CommandContext,
  request: LsRefsRequest,
): AsyncIterable<Uint8Array> {
  const prefixes =
    request.prefixes.length === 0 || request.prefixes.length >= tooManyPrefixes
      ? undefined
      : request.prefixes;
  return streamSpan("upload_pack.ls_refs", {}, async function* (span) {
    const lines = createLineBatch({ chunks: options.chunks });
    let refCount = 0;
    if (request.unborn && request.symrefs && covers(prefixes, "HEAD")) {
      const head = await host.head({ signal });
      if (head.oid === undefined && head.symref !== undefined) {
        lines.add(`unborn HEAD symref-target:${head.symref}\n`);
      }
    }
    const teller: RefTeller = {
      peeledForm: request.peel ? "attribute" : "none",
      tell: (ref) => lines.add(refLine(ref, request)),
    };
    for await (const batch of refBatches(host, { prefixes, peel: request.peel, signal })) {
      refCount += yield* tellRefs(batch, lines, teller);
    }
    lines.addPacket("0000");
    span.set("ref_count", refCount);
    yield lines.take();
  });
}

function covers(prefixes: readonly string[] | undefined, name: string): boolean {
  return prefixes === undefined || prefixes.some((prefix) => name.startsWith(prefix));
}

function refLine(ref: AdvertisedRef, request: LsRefsRequest): string {
  let line = `${ref.oid} ${ref.name}`;
  if (request.symrefs && ref.symref !== undefined) line += ` symref-target:${ref.symref}`;
  if (request.peel && ref.peeled !== undefined) line += ` peeled:${ref.peeled}`;
  return `${line}\n`;
}
