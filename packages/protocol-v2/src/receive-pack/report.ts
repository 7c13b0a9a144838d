import type { ObjectFormat } from "@millrace/pack";
import type { ReceiveReport, RefLanding } from "../host.ts";
import { createLineBatch } from "../line-batch.ts";
import { zeroOid } from "../object-id.ts";
import { echoedRefName, withoutControls } from "../printable.ts";

/** How a report is told. */
export interface ReportForm {
  /** 2: with what became of a ref where that is not what was asked for. */
  readonly version: 1 | 2;
  readonly objectFormat: ObjectFormat;
}

/**
 * A report in pkt-lines with its flush, in chunks: `unpack ok`, then `ok <ref>` or `ng <ref> <reason>` for each command.
 * Implements gitprotocol-pack, "Report Status", and gitprotocol-capabilities, "report-status-v2".
 */
export function* reportLines(
  report: ReceiveReport,
  { version, objectFormat }: ReportForm,
): Generator<Uint8Array, void, undefined> {
  const lines = createLineBatch();
  lines.add(`unpack ${withoutControls(report.unpackError ?? "ok")}\n`);
  for (const { name, error, landed } of report.refs) {
    const ref = echoedRefName(name);
    lines.add(error === undefined ? `ok ${ref}\n` : `ng ${ref} ${withoutControls(error)}\n`);
    if (version === 2 && error === undefined && landed !== undefined) {
      for (const option of landingOptions(landed, objectFormat)) lines.add(`option ${option}\n`);
    }
    if (lines.full) yield lines.take();
  }
  lines.addPacket("0000");
  yield lines.take();
}

function* landingOptions(landed: RefLanding, format: ObjectFormat): Generator<string, void, undefined> {
  if (landed.name !== undefined) yield `refname ${echoedRefName(landed.name)}`;
  if (landed.old !== undefined) yield `old-oid ${landed.old ?? zeroOid(format)}`;
  if (landed.new !== undefined) yield `new-oid ${landed.new ?? zeroOid(format)}`;
  if (landed.forced === true) yield "forced-update";
}
