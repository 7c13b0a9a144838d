import type { AttributeState } from "./attributes-file.ts";
import { UTF8 } from "./encoding.ts";

/** What a checkout does to a content, in this order; nothing of it may be absent. */
export interface Conversion {
  /** `$Id$` is expanded. */
  readonly ident: boolean;
  /** Line feeds get carriage returns: always, or where the content is text without any. */
  readonly crlf: "always" | "auto" | undefined;
  /** What the text is written in. */
  readonly encoding: string | undefined;
  /** A pointer of git-lfs becomes what it points to. */
  readonly lfs: boolean;
}

/** Settings that attributes are read with. */
export interface ConversionSettings {
  /** `core.autocrlf` */
  readonly autoCrlf: "true" | "false" | "input";
  /** `core.eol`; what is native here is `lf`. */
  readonly eol: "lf" | "crlf";
  /** Files of git-lfs are wanted, and not their pointers. */
  readonly lfs: boolean;
}

/** What attributes ask of a checkout (gitattributes); `undefined` where a file is written as it is. */
export function conversionOf(
  attributes: ReadonlyMap<string, AttributeState>,
  settings: ConversionSettings,
): Conversion | undefined {
  const ident = attributes.get("ident") === true;
  const lfs = settings.lfs && attributes.get("filter") === "lfs";
  const crlf = crlfOf(attributes, settings);
  const encoding = encodingOf(attributes.get("working-tree-encoding"));
  if (!ident && !lfs && crlf === undefined && encoding === undefined) return undefined;
  return { ident, crlf, encoding, lfs };
}

/** What a word says of line ends; others than these say nothing. */
type TextWord = "text" | "binary" | "lf" | "auto" | undefined;

function textWord(state: AttributeState): TextWord {
  if (state === true) return "text";
  if (state === false) return "binary";
  if (state === "input") return "lf";
  return state === "auto" ? "auto" : undefined;
}

function crlfOf(
  attributes: ReadonlyMap<string, AttributeState>,
  { autoCrlf, eol }: ConversionSettings,
): Conversion["crlf"] {
  // `crlf` is what `text` was called once.
  const word = textWord(attributes.get("text")) ?? textWord(attributes.get("crlf"));
  if (word === "binary") return undefined;
  const asked = attributes.get("eol");
  if (asked === "lf") return undefined;
  if (asked === "crlf") return word === "auto" ? "auto" : "always";
  if (word === "lf") return undefined;
  if (word === undefined) return autoCrlf === "true" ? "auto" : undefined;
  const isCrlf = autoCrlf === "true" || (autoCrlf === "false" && eol === "crlf");
  if (!isCrlf) return undefined;
  return word === "auto" ? "auto" : "always";
}

function encodingOf(state: AttributeState): string | undefined {
  // Set or unset, git refuses to check the file out; here it is as it is in the repository.
  if (typeof state !== "string" || state === "" || UTF8.test(state)) return undefined;
  return state;
}

/** Whether some attributes and settings can convert anything. */
export function canConvert({ autoCrlf, eol, lfs }: ConversionSettings): boolean {
  return autoCrlf === "true" || (autoCrlf === "false" && eol === "crlf") || lfs;
}

/** A conversion as a word, which is part of a content's id. */
export function formatConversion({ ident, crlf, encoding, lfs }: Conversion): string {
  const words = [
    ident ? "ident" : "",
    crlf === undefined ? "" : crlf === "always" ? "crlf" : "auto-crlf",
    encoding === undefined ? "" : `encoding=${encodeURIComponent(encoding)}`,
    lfs ? "lfs" : "",
  ];
  return words.filter((word) => word !== "").join(",");
}

/** Reads what `formatConversion` has written. */
export function parseConversion(text: string): Conversion {
  const words = text.split(",");
  const encoding = words.find((word) => word.startsWith("encoding="));
  return {
    ident: words.includes("ident"),
    crlf: words.includes("crlf") ? "always" : words.includes("auto-crlf") ? "auto" : undefined,
    encoding: encoding && decodeURIComponent(encoding.slice("encoding=".length)),
    lfs: words.includes("lfs"),
  };
}
