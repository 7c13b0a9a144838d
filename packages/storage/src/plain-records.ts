const LF = 10;
const SPACE = 32;
const DOT = 46;
const SLASH = 47;
const AT = 64;
const CARET = 94;
const BRACE = 123;

const HEX_DIGIT = 1;
const FORBIDDEN = 2;
/** What each byte may be part of; names beyond ASCII are left to those who read them as text. */
const kinds: Uint8Array = new Uint8Array(256);
for (const char of "0123456789abcdef") kinds[char.charCodeAt(0)] = HEX_DIGIT;
for (const char of " ~^:?*[\\\u007f") kinds[char.charCodeAt(0)] = FORBIDDEN;
kinds.fill(FORBIDDEN, 0, 32);
kinds.fill(FORBIDDEN, 128);

/** Longer names do not fit into every packet. */
export const MAX_NAME_BYTES = 4096;

/**
 * How many records of `packed-refs` lie in `bytes[start..end]`, if they are plain: ids in lower-case hex, names of ASCII
 * that `checkRefName` takes, lines that end. -1 where one is not.
 */
export function countPlainRecords(bytes: Uint8Array, start: number, end: number, hexLength: number): number {
  let count = 0;
  for (let at = start; at < end; ) {
    const nameStart = at + hexLength + 1;
    if (nameStart >= end || !isHex(bytes, at, hexLength) || bytes[nameStart - 1] !== SPACE) return -1;
    const nameEnd = plainNameEnd(bytes, nameStart, Math.min(end, nameStart + MAX_NAME_BYTES));
    if (nameEnd < 0) return -1;
    at = nameEnd + 1;
    count++;
    if (at >= end || bytes[at] !== CARET) continue;
    at += hexLength + 2;
    if (at > end || !isHex(bytes, at - hexLength - 1, hexLength) || bytes[at - 1] !== LF) return -1;
  }
  return count;
}

function isHex(bytes: Uint8Array, start: number, length: number): boolean {
  for (let i = start; i < start + length; i++) if (kinds[bytes[i]!] !== HEX_DIGIT) return false;
  return true;
}

/** Where a name's line feed is; -1 where the name is not valid, see `checkRefName`, or does not end before `limit`. */
export function plainNameEnd(bytes: Uint8Array, start: number, limit: number): number {
  let before = SLASH;
  let slashes = 0;
  for (let at = start; at < limit; at++) {
    const byte = bytes[at]!;
    if (byte === LF) {
      const isWhole = slashes > 0 && before !== SLASH && before !== DOT && !endsInLock(bytes, start, at);
      return isWhole ? at : -1;
    }
    if (kinds[byte] === FORBIDDEN) return -1;
    if (byte === SLASH) {
      if (before === SLASH || endsInLock(bytes, start, at)) return -1;
      slashes++;
    } else if (byte === DOT) {
      if (before === SLASH || before === DOT) return -1;
    } else if (byte === BRACE && before === AT) return -1;
    before = byte;
  }
  return -1;
}

/** Whether `.lock` stands before `end`. */
function endsInLock(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    bytes[end - 1] === 107 &&
    end - start >= 5 &&
    bytes[end - 2] === 99 &&
    bytes[end - 3] === 111 &&
    bytes[end - 4] === 108 &&
    bytes[end - 5] === DOT
  );
}
