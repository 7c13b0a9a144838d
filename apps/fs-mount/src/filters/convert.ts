import type { Oid } from "@millrace/pack";
import type { Conversion } from "./conversion.ts";
import { decodeText, encodeText } from "./encoding.ts";
import { collapseIdent, expandIdent, IdentExpander } from "./ident.ts";
import { pointerTo } from "./point-to.ts";
import { CrAdder, CrRemover, isBinary, takesCrs, TextCounter } from "./line-ends.ts";

/** Whether a content has to be held as a whole. */
export function needsWhole({ ident, crlf, encoding }: Conversion): boolean {
  return encoding !== undefined || (ident && crlf === "auto");
}

/**
 * What a checkout writes for a blob, byte for byte what git writes.
 * @param pieces its content, which may be asked for twice
 */
export async function* convertPieces(
  pieces: () => AsyncIterable<Uint8Array>,
  conversion: Conversion,
  oid: Oid,
): AsyncGenerator<Uint8Array> {
  const { ident, crlf } = conversion;
  if (needsWhole(conversion)) {
    const all: Uint8Array[] = [];
    for await (const piece of pieces()) all.push(piece);
    yield convertWhole(Buffer.concat(all), conversion, oid);
    return;
  }
  let addsCrs = crlf === "always";
  if (crlf === "auto") {
    const counter = new TextCounter();
    for await (const piece of pieces()) counter.add(piece);
    addsCrs = takesCrs(counter.finish());
  }
  const expander = ident ? new IdentExpander(oid) : undefined;
  const adder = addsCrs ? new CrAdder() : undefined;
  const added = (piece: Uint8Array): Uint8Array => adder?.add(piece) ?? piece;
  for await (const piece of pieces()) yield added(expander?.add(piece) ?? piece);
  if (expander !== undefined) yield added(expander.finish());
}

/** The same, of a content that is held. */
export function convertWhole(content: Uint8Array, conversion: Conversion, oid: Oid): Uint8Array {
  const { ident, crlf, encoding } = conversion;
  let converted = content;
  if (ident) converted = needsWhole(conversion) ? expandIdent(content, oid) : expandAtOnce(content, oid);
  if (crlf === "always" || (crlf === "auto" && takesCrs(statisticsOf(converted))))
    converted = new CrAdder().add(converted);
  return encoding === undefined ? converted : (encodeText(converted, encoding) ?? converted);
}

/** What git would store of a content that lies in the working tree, where the blob there is not one with carriage returns. */
export function cleanWhole(content: Uint8Array, { ident, crlf, encoding, lfs }: Conversion): Uint8Array {
  if (lfs) return pointerTo(content);
  let cleaned = encoding === undefined ? content : (decodeText(content, encoding) ?? content);
  if (crlf === "always" || (crlf === "auto" && !isBinary(statisticsOf(cleaned)))) {
    const remover = new CrRemover();
    cleaned = Buffer.concat([remover.add(cleaned), remover.finish()]);
  }
  return ident ? collapseIdent(cleaned) : cleaned;
}

function expandAtOnce(content: Uint8Array, oid: Oid): Uint8Array {
  const expander = new IdentExpander(oid);
  return Buffer.concat([expander.add(content), expander.finish()]);
}

function statisticsOf(content: Uint8Array): ReturnType<TextCounter["finish"]> {
  const counter = new TextCounter();
  counter.add(content);
  return counter.finish();
}
