const reserved = "~`!@#$^&*()[]{}\\;'\",<>?";
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const isPlain = (char: string): boolean => char > " " && char <= "\x7f" && !reserved.includes(char);

/** The first character that may not stand in a part of a combined filter as it is. */
export function unescapedCharacter(text: string): string | undefined {
  for (const char of text) if (!isPlain(char)) return char;
  return undefined;
}

/** Undoes `%xx`; what is no such escape stays, `%00` too. `undefined` where the bytes are not UTF-8. */
export function percentDecode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const digits = text.slice(at + 1, at + 3);
    const value = text[at] === "%" && /^[0-9a-fA-F]{2}$/.test(digits) ? Number.parseInt(digits, 16) : 0;
    bytes.push(value > 0 ? value : text.charCodeAt(at));
    if (value > 0) at += 2;
  }
  try {
    return decoder.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/** Writes everything as `%xx` that may not stand in a part of a combined filter. */
export function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte);
    const plain = isPlain(char) && char !== "%" && char !== "+";
    encoded += plain ? char : `%${byte.toString(16).padStart(2, "0")}`;
  }
  return encoded;
}
