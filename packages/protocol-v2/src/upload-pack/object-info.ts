import type { Oid } from "@millrace/pack";
import { clientError } from "../errors.ts";
import { createLineBatch } from "../line-batch.ts";
import { parseOid } from "../object-id.ts";
import { printable } from "../printable.ts";
import type { Capability, CommandContext } from "./capability.ts";

/** Sizes asked of the host at once. */
const sizesAtOnce = 4096;
const oidArgument = "oid ";

interface InfoRequest {
  size: boolean;
  readonly oids: Oid[];
}

/** `object-info`: sizes of objects without the objects (gitprotocol-v2, "object-info"). */
export const objectInfo: Capability = {
  name: "object-info",
  advertise: ({ host }) => (host.objectSizes === undefined ? undefined : ""),
  command(context) {
    const request: InfoRequest = { size: false, oids: [] };
    return {
      argument: (line) => takeArgument(context, request, line),
      answer: () => answerInfo(context, request),
    };
  },
};

function takeArgument({ host }: CommandContext, request: InfoRequest, line: string): void {
  if (line === "size") {
    request.size = true;
    return;
  }
  if (!line.startsWith(oidArgument)) {
    throw clientError("PROTOCOL_BAD_REQUEST", `object-info: unexpected line: '${printable(line)}'`);
  }
  const text = line.slice(oidArgument.length);
  const oid = parseOid(text, host.objectFormat);
  if (oid === undefined) {
    const message = `object-info: protocol error, expected to get oid, not '${printable(text)}'`;
    throw clientError("PROTOCOL_BAD_REQUEST", message);
  }
  request.oids.push(oid);
}

/** A line for each id: its size, and a space alone behind the id of what is not here. */
async function* answerInfo(
  { host, signal }: CommandContext,
  request: InfoRequest,
): AsyncGenerator<Uint8Array, void, undefined> {
  const lines = createLineBatch();
  if (request.size && request.oids.length > 0) lines.add("size");
  for (let at = 0; at < request.oids.length; at += sizesAtOnce) {
    const oids = request.oids.slice(at, at + sizesAtOnce);
    const sizes = request.size ? await host.objectSizes?.(oids, { signal }) : undefined;
    for (const [index, oid] of oids.entries()) {
      lines.add(request.size ? `${oid} ${sizes?.[index] ?? ""}` : oid);
      if (lines.full) yield lines.take();
    }
  }
  lines.addPacket("0000");
  yield lines.take();
}
