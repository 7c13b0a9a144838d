import type { Oid } from "@millrace/pack";

/** The hash of a path, in two words. */
export interface PathHash {
  readonly high: number;
  readonly low: number;
}

export const ROOT_PATH: PathHash = { high: 0x9e3779b9 | 0, low: 0x85ebca6b | 0 };

/** The hash of a name within a directory whose path has this one. */
export function hashName(parent: PathHash, name: string): PathHash {
  // A separator: `a/b` is not `ab`.
  let high = mix(parent.high, 0x2f);
  let low = mix(parent.low, 0x12f);
  for (let i = 0; i < name.length; i++) {
    const byte = name.charCodeAt(i);
    high = mix(high, byte);
    low = mix(low, byte + 0x100);
  }
  return { high: finish(high ^ name.length), low: finish(low ^ name.length) };
}

/**
 * The inode number of what is at a path: the same in every mount of the same content, below 2^53. Two paths have the same one
 * about once in ten million trees of 100,000 files; nothing relies on it, since no file has two links.
 * @param oid of a directory `undefined`: it is the same one whatever is in it
 */
export function inodeOf(path: PathHash, oid: Oid | undefined, mode: number): number {
  let high = mix(path.high, mode);
  let low = mix(path.low, mode);
  for (let i = 0; oid !== undefined && i < 32; i += 8) {
    const word = Number.parseInt(oid.slice(i, i + 8), 16) | 0;
    high = mix(high, word);
    low = mix(low, Math.imul(word, 0x27d4eb2f));
  }
  const number = (finish(high) & 0x1fffff) * 0x1_0000_0000 + (finish(low) >>> 0);
  // 0 is no inode, 1 is the root's.
  return number > 1 ? number : number + 2;
}

function mix(hash: number, word: number): number {
  const turned = Math.imul(hash ^ word, 0xcc9e2d51);
  return Math.imul((turned << 15) | (turned >>> 17), 0x1b873593) + 0xe6546b64;
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
