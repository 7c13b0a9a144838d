/**
 * Looks for several words in a text at once, sixteen places at a time. Three bytes of each word, those that are likely to
 * be rare, make its fingerprint. For each of these three a place's byte is looked up by its two halves in a table whose
 * bits stand for words; where one bit is left after all three, the words that it stands for are compared.
 *
 * A table is what `encodeWords` writes: 6 × 16 bytes for low and high halves; u32: how many words, and whether case counts
 * for nothing; for each word u32: where it lies in the table, its bytes, and where in it the fingerprint begins.
 */
const COUNT: usize = 96;
const FOLDS: usize = 100;
const WORDS: usize = 104;
const WORD_BYTES: usize = 12;

/** Which bits are left at each of sixteen places. */
const left: usize = memory.data(16, 16);

let scannedTo: usize = 0;

/** Where the last search ended: places before are done. */
export function wordsScanned(): usize {
  return scannedTo;
}

/**
 * Writes the places (u32, offsets in the text) of fingerprints, from `from` to before `to`, that belong to a word which lies
 * wholly in the text; at most `most`. Answers how many. May read up to 18 bytes past the text.
 */
export function findWords(
  table: usize,
  text: usize,
  textBytes: usize,
  from: usize,
  to: usize,
  places: usize,
  most: u32,
): u32 {
  const low0 = v128.load(table);
  const high0 = v128.load(table, 16);
  const low1 = v128.load(table, 32);
  const high1 = v128.load(table, 48);
  const low2 = v128.load(table, 64);
  const high2 = v128.load(table, 80);
  const half = i8x16.splat(0x0f);
  let found: u32 = 0;
  for (let at = from; at < to; at += 16) {
    const first = v128.load(text + at);
    const second = v128.load(text + at, 1);
    const third = v128.load(text + at, 2);
    const bits = v128.and(
      v128.and(
        v128.and(i8x16.swizzle(low0, v128.and(first, half)), i8x16.swizzle(high0, i8x16.shr_u(first, 4))),
        v128.and(i8x16.swizzle(low1, v128.and(second, half)), i8x16.swizzle(high1, i8x16.shr_u(second, 4))),
      ),
      v128.and(i8x16.swizzle(low2, v128.and(third, half)), i8x16.swizzle(high2, i8x16.shr_u(third, 4))),
    );
    if (!v128.any_true(bits)) continue;
    v128.store(left, bits);
    const end = min<usize>(16, to - at);
    for (let i: usize = 0; i < end; i++) {
      const words = load<u8>(left + i);
      if (words == 0 || !isWord(table, words, text, textBytes, at + i)) continue;
      store<u32>(places + ((found as usize) << 2), (at + i) as u32);
      if (++found == most) {
        scannedTo = at + i + 1;
        return found;
      }
    }
  }
  scannedTo = to;
  return found;
}

/** Whether one of the words that `bits` stand for has its fingerprint at the place `at`. */
function isWord(table: usize, bits: u32, text: usize, textBytes: usize, at: usize): bool {
  const folds = load<u32>(table, FOLDS) != 0;
  const count = load<u32>(table, COUNT);
  for (let i: u32 = 0; i < count; i++) {
    if (((bits >> (i & 7)) & 1) == 0) continue;
    const word = table + WORDS + (i as usize) * WORD_BYTES;
    const length = load<u32>(word, 4) as usize;
    const before = load<u32>(word, 8) as usize;
    if (at < before || at - before + length > textBytes) continue;
    if (isEqual(table + load<u32>(word), text + at - before, length, folds)) return true;
  }
  return false;
}

/** Whether the bytes are the same; a word whose case counts for nothing has no upper case itself. */
function isEqual(word: usize, text: usize, length: usize, folds: bool): bool {
  for (let i: usize = 0; i < length; i++) {
    let byte: u32 = load<u8>(text + i);
    if (folds && byte - 0x41 < 26) byte |= 0x20;
    if (byte != load<u8>(word + i)) return false;
  }
  return true;
}
