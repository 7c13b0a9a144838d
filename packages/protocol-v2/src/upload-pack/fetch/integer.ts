const shape = /^[\t\n\v\f\r ]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;

/**
 * A number as C reads it where the base is left open: decimal, octal behind `0`, hexadecimal behind `0x`.
 * `undefined` where the text is none, or is more than a double holds exactly.
 */
export function parseInteger(text: string): number | undefined {
  const [, sign, digits] = shape.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const octal = digits.length > 1 && /^0[0-7]/.test(digits);
  const value = Number.parseInt(digits, octal ? 8 : digits.length > 1 && digits.startsWith("0") ? 16 : 10);
  if (!Number.isSafeInteger(value)) return undefined;
  return sign === "-" ? -value : value;
}
