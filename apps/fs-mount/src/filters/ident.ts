import type { Oid } from "@millrace/pack";

const [DOLLAR, COLON, LF] = [0x24, 0x3a, 10];
const HEAD = Buffer.from("$Id\0");
/** Bytes of `$Id`. */
const WORD = 3;

function expansionOf(oid: Oid): Buffer {
  return Buffer.from(`$Id: ${oid} $`);
}

/**
 * Expands `$Id$` piece by piece, as git does where it streams a content out. It differs from what git does with a content that it
 * holds: of two dollars in a row the second begins nothing.
 */
export class IdentExpander {
  readonly #expansion: Buffer;
  /** Bytes of `$Id` that have come; 4: a NUL came behind them, which git takes for the end of its word. */
  #matched = 0;
  /** What began with `$Id:` and has not come to its end; `undefined`: nothing has. */
  #begun: number[] | undefined;

  constructor(oid: Oid) {
    this.#expansion = expansionOf(oid);
  }

  add(bytes: Uint8Array): Uint8Array {
    const out: Uint8Array[] = [];
    let plain = 0;
    let at = 0;
    const flush = (end: number): void => {
      if (end > plain) out.push(bytes.subarray(plain, end));
    };
    for (; at < bytes.length; at++) {
      if (this.#matched === 0 && this.#begun === undefined) {
        // Nothing has begun: all up to the next dollar is as it is.
        const dollar = bytes.indexOf(DOLLAR, at);
        if (dollar < 0) {
          flush(bytes.length);
          return Buffer.concat(out);
        }
        flush(dollar);
        this.#matched = 1;
        at = dollar;
      } else this.#step(bytes[at]!, out);
      plain = at + 1;
    }
    return Buffer.concat(out);
  }

  finish(): Uint8Array {
    return this.#begun === undefined ? HEAD.subarray(0, this.#matched) : Uint8Array.from(this.#begun);
  }

  #step(byte: number, out: Uint8Array[]): void {
    if (this.#begun !== undefined) {
      this.#begun.push(byte);
      if (byte !== LF && byte !== DOLLAR) return;
      const begun = Buffer.from(this.#begun);
      out.push(byte === DOLLAR && !isForeign(begun) ? this.#expansion : begun);
      this.#begun = undefined;
      this.#matched = 0;
      return;
    }
    if (HEAD[this.#matched] === byte) {
      this.#matched++;
      return;
    }
    const head = HEAD.subarray(0, this.#matched);
    if (this.#matched === WORD && byte === COLON) {
      this.#begun = [...head, byte];
      return;
    }
    if (this.#matched === WORD && byte === DOLLAR) out.push(this.#expansion);
    else out.push(head, Uint8Array.of(byte));
    this.#matched = 0;
  }
}

/** Another versioning system's: blanks within. Only git's own is written over. */
function isForeign(begun: Buffer): boolean {
  const text = begun.toString("latin1");
  if (!text.startsWith("$Id: ")) return false;
  const [inner = ""] = text.slice("$Id: ".length).split("\0");
  return /[ \t\n\r](?!\$)/.test(inner);
}

/** Expands `$Id$` in a content that is held as a whole, as git does where it has to hold it for another conversion, too. */
export function expandIdent(content: Uint8Array, oid: Oid): Uint8Array {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (!hasIdent(text)) return content;
  const expansion = expansionOf(oid);
  const out: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    const dollar = text.indexOf(DOLLAR, at);
    if (dollar < 0) break;
    const end = endOfIdent(text, dollar + 1);
    if (end === undefined) break;
    if (end > dollar) out.push(text.subarray(at, dollar), expansion);
    else out.push(text.subarray(at, dollar + 1));
    at = Math.max(end, dollar + 1);
  }
  out.push(text.subarray(at));
  return Buffer.concat(out);
}

/** Where the word ends that begins at a dollar before `at`; -1 where none does, `undefined` where it never ends. */
function endOfIdent(text: Buffer, at: number): number | undefined {
  if (text.length - at < 3 || text[at] !== 0x49 || text[at + 1] !== 0x64) return -1;
  if (text[at + 2] === DOLLAR) return at + 3;
  if (text[at + 2] !== COLON) return -1;
  const dollar = text.indexOf(DOLLAR, at + 3);
  if (dollar < 0) return undefined;
  if (text.subarray(at + 3, dollar).includes(LF)) return -1;
  const space = text.subarray(at + 4, Math.max(at + 4, dollar)).indexOf(0x20);
  if (space >= 0 && at + 4 + space < dollar - 1) return -1;
  return dollar + 1;
}

/** git looks before it begins: without a whole word nothing is done. */
function hasIdent(text: Buffer): boolean {
  return /\$Id(?:\$|:[^\n$]*\$)/.test(text.toString("latin1"));
}

/** Puts `$Id$` in the place of what it was expanded to, as git does before it hashes. */
export function collapseIdent(content: Uint8Array): Uint8Array {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("latin1");
  return Buffer.from(text.replace(/\$Id:[^\n$]*\$/g, "$$Id$$"), "latin1");
}
