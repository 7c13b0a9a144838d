import type { ReceiveReport } from "../host.ts";
import { createLineBatch } from "../line-batch.ts";
import { echoedRefName, withoutControls } from "../printable.ts";

/**
 * A report in pkt-lines with its flush, in chunks: `unpack ok`, then `ok <ref>` or `ng <ref> <reason>` for each command.
 * Implements gitprotocol-pack, "Report Status".
 */
export function* reportLines(report: ReceiveReport): Generator<Uint8Array, void, undefined> {
  const lines = createLineBatch();
  lines.add(`unpack ${withoutControls(report.unpackError ?? "ok")}\n`);
  for (const { name, error } of report.refs) {
    const ref = echoedRefName(name);
    lines.add(error === undefined ? `ok ${ref}\n` : `ng ${ref} ${withoutControls(error)}\n`);
    if (lines.full) yield lines.take();
  }
  lines.addPacket("0000");
  yield lines.take();
}
