/** Bytes of a word that are looked for first. */
const FINGERPRINT_BYTES = 3;
const HALVES = 16;
/** Bits of a byte in the tables: words share them where there are more. */
const BITS = 8;
const COUNT_AT = 2 * FINGERPRINT_BYTES * HALVES;
const WORDS_AT = COUNT_AT + 8;
const WORD_BYTES = 12;

/** What texts are made of mostly, the most frequent first. */
const FREQUENT = Buffer.from(" etrnisaoldcpumfhgybv.,()_w-=;\"'/k>x");

/** The words as the kernel reads them (kernel/find-words.ts). Where case counts for nothing they are written in lower case. */
export function encodeWords(words: readonly Uint8Array[], ignoreCase: boolean): Uint8Array {
  const written = ignoreCase ? words.map(toLowerCase) : words;
  const total = written.reduce((sum, { length }) => sum + length, 0);
  const table = Buffer.alloc(WORDS_AT + words.length * WORD_BYTES + total);
  table.writeUInt32LE(words.length, COUNT_AT);
  table.writeUInt32LE(ignoreCase ? 1 : 0, COUNT_AT + 4);
  let next = WORDS_AT + words.length * WORD_BYTES;
  for (const [i, word] of written.entries()) {
    const fingerprintAt = rarestAt(word);
    const bit = 1 << (i % BITS);
    for (let k = 0; k < FINGERPRINT_BYTES; k++) {
      for (const byte of formsOf(word[fingerprintAt + k], ignoreCase)) {
        table[2 * k * HALVES + (byte & 0x0f)]! |= bit;
        table[(2 * k + 1) * HALVES + (byte >>> 4)]! |= bit;
      }
    }
    const entry = WORDS_AT + i * WORD_BYTES;
    table.writeUInt32LE(next, entry);
    table.writeUInt32LE(word.length, entry + 4);
    table.writeUInt32LE(fingerprintAt, entry + 8);
    table.set(word, next);
    next += word.length;
  }
  return table;
}

/** Where the three bytes begin that are likely to be the rarest; a shorter word is its own fingerprint. */
function rarestAt(word: Uint8Array): number {
  let rarest = 0;
  let most = -1;
  for (let at = 0; at + FINGERPRINT_BYTES <= word.length; at++) {
    let rarity = 0;
    for (let k = 0; k < FINGERPRINT_BYTES; k++) {
      const rank = FREQUENT.indexOf(word[at + k]!);
      rarity += rank < 0 ? FREQUENT.length : rank;
    }
    if (rarity > most) [rarest, most] = [at, rarity];
  }
  return rarest;
}

/** The bytes that may stand for one of a word; behind its end any may stand. */
function formsOf(byte: number | undefined, ignoreCase: boolean): readonly number[] {
  if (byte === undefined) return EVERY;
  return ignoreCase && isLetter(byte) ? [byte, byte ^ CASE_BIT] : [byte];
}

const EVERY: readonly number[] = Array.from({ length: 256 }, (_, byte) => byte);
const CASE_BIT = 0x20;

function isLetter(byte: number): boolean {
  const lower = byte | CASE_BIT;
  return lower >= 0x61 && lower <= 0x7a;
}

function toLowerCase(word: Uint8Array): Uint8Array {
  return word.map((byte) => (isLetter(byte) ? byte | CASE_BIT : byte));
}
