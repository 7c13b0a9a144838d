const shape = /^[\t\n\v\f\r ]*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)([kKmMgG]?)$/;
const factors: Readonly<Record<string, bigint>> = { "": 1n, k: 1n << 10n, m: 1n << 20n, g: 1n << 30n };
const longest = (1n << 64n) - 1n;

/**
 * A number as git's configuration takes it: decimal, octal or hexadecimal, with `k`, `m` or `g` behind it (git-config,
 * "Values", integer). What a double cannot hold exactly becomes the greatest number it can; `undefined` where the text
 * is no number of 64 bits.
 */
export function parseMagnitude(text: string): number | undefined {
  const [, digits, unit] = shape.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const octal = digits.length > 1 && /^0[0-7]/.test(digits);
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits) * (factors[unit.toLowerCase()] ?? 1n);
  if (value > longest) return undefined;
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
