const CR = 13;
const LF = 10;

/** What a content is made of, as git counts it. */
export interface TextStatistics {
  lonelyCr: number;
  lonelyLf: number;
  crlf: number;
  nul: number;
  printable: number;
  nonPrintable: number;
}

/** Counts a content that comes in pieces. */
export class TextCounter {
  readonly #counts: TextStatistics = {
    lonelyCr: 0,
    lonelyLf: 0,
    crlf: 0,
    nul: 0,
    printable: 0,
    nonPrintable: 0,
  };
  #isAfterCr = false;
  #last = -1;

  add(bytes: Uint8Array): void {
    const counts = this.#counts;
    let isAfterCr = this.#isAfterCr;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (isAfterCr) {
        isAfterCr = false;
        if (byte === LF) {
          counts.crlf++;
          continue;
        }
        counts.lonelyCr++;
      }
      if (byte === CR) isAfterCr = true;
      else if (byte === LF) counts.lonelyLf++;
      else if (byte >= 32 && byte !== 127) counts.printable++;
      // Backspace, tabulator, form feed, escape.
      else if (byte === 8 || byte === 9 || byte === 12 || byte === 27) counts.printable++;
      else {
        counts.nonPrintable++;
        if (byte === 0) counts.nul++;
      }
    }
    this.#isAfterCr = isAfterCr;
    if (bytes.length > 0) this.#last = bytes[bytes.length - 1]!;
  }

  finish(): TextStatistics {
    if (this.#isAfterCr) this.#counts.lonelyCr++;
    this.#isAfterCr = false;
    // An end of file of old is no sign of anything.
    if (this.#last === 26) this.#counts.nonPrintable--;
    return this.#counts;
  }
}

/** Whether git takes a content for none of text. */
export function isBinary({ lonelyCr, nul, printable, nonPrintable }: TextStatistics): boolean {
  return lonelyCr > 0 || nul > 0 || printable >> 7 < nonPrintable;
}

/** Whether `text=auto` lets a checkout add carriage returns: text that has none yet. */
export function takesCrs(statistics: TextStatistics): boolean {
  return statistics.lonelyLf > 0 && statistics.crlf === 0 && !isBinary(statistics);
}

/** Puts a carriage return before each line feed that has none, piece by piece. */
export class CrAdder {
  #isAfterCr = false;

  add(bytes: Uint8Array): Uint8Array {
    let count = 0;
    let before = this.#isAfterCr ? CR : 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte === LF && before !== CR) count++;
      before = byte;
    }
    const out = new Uint8Array(bytes.length + count);
    before = this.#isAfterCr ? CR : 0;
    let at = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte === LF && before !== CR) out[at++] = CR;
      out[at++] = byte;
      before = byte;
    }
    if (bytes.length > 0) this.#isAfterCr = before === CR;
    return out;
  }
}

/** Takes the carriage return before each line feed away, as git does before it hashes; piece by piece. */
export class CrRemover {
  #isHeld = false;

  add(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length + 1);
    let at = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (this.#isHeld && byte !== LF) out[at++] = CR;
      this.#isHeld = byte === CR;
      if (!this.#isHeld) out[at++] = byte;
    }
    return out.subarray(0, at);
  }

  finish(): Uint8Array {
    return this.#isHeld ? Uint8Array.of(CR) : new Uint8Array();
  }
}
