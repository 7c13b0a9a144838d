import iconv from "iconv-lite";

/** Encodings of UTF-16 and UTF-32 by what git calls them, with their mark. As glibc has them, where no order is said: lowest first. */
const UNICODE: Readonly<Record<string, { readonly name: string; readonly mark: readonly number[] }>> = {
  "16": { name: "utf16le", mark: [0xff, 0xfe] },
  "16le": { name: "utf16le", mark: [] },
  "16be": { name: "utf16-be", mark: [] },
  "16le-bom": { name: "utf16le", mark: [0xff, 0xfe] },
  "16be-bom": { name: "utf16-be", mark: [0xfe, 0xff] },
  "32": { name: "utf32-le", mark: [0xff, 0xfe, 0, 0] },
  "32le": { name: "utf32-le", mark: [] },
  "32be": { name: "utf32-be", mark: [] },
};
/** How git writes that a file is as it is in the repository. */
export const UTF8: RegExp = /^utf-?8$/i;

const decodeUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Writes a content of UTF-8 in another encoding (gitattributes, `working-tree-encoding`). What is not UTF-8, or cannot be said in the
 * encoding, or an encoding that is unknown: `undefined`, where git leaves the content as it is.
 */
export function encodeText(content: Uint8Array, encoding: string): Uint8Array | undefined {
  if (content.length === 0) return undefined;
  let text: string;
  try {
    text = decodeUtf8.decode(content);
  } catch {
    return undefined;
  }
  const { name, mark } = codecOf(encoding);
  if (!iconv.encodingExists(name)) return undefined;
  const encoded = iconv.encode(text, name, { addBOM: false });
  // What an encoding cannot say it says with a question mark.
  if (iconv.decode(encoded, name, { stripBOM: false }) !== text) return undefined;
  return mark.length === 0 ? encoded : Buffer.concat([Uint8Array.from(mark), encoded]);
}

/** The content of UTF-8 that a content in another encoding is; `undefined` where it is none. */
export function decodeText(content: Uint8Array, encoding: string): Uint8Array | undefined {
  const { name, mark } = codecOf(encoding);
  if (content.length === 0 || !iconv.encodingExists(name)) return undefined;
  const isMarked = mark.length > 0 && mark.every((byte, i) => content[i] === byte);
  const bare = Buffer.from(isMarked ? content.subarray(mark.length) : content);
  return Buffer.from(iconv.decode(bare, name, { stripBOM: false }));
}

function codecOf(encoding: string): { readonly name: string; readonly mark: readonly number[] } {
  const utf = /^utf-?(.+)$/i.exec(encoding)?.[1]?.toLowerCase() ?? "";
  return UNICODE[utf] ?? { name: encoding, mark: [] };
}
