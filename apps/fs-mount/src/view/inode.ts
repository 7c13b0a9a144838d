import type { Oid } from "@millrace/pack";

/** The root's; other numbers are above it. */
export const ROOT_INO = 1;

/**
 * The inode number of what is under a name of the base: the same in every mount of the same content, below 2^53. It is made of the
 * directory's number and not of the path, so that what lies in a directory keeps its numbers when that is moved. Two paths have the
 * same one about once in ten million trees of 100,000 files; nothing relies on it, since no file of the base has two links.
 * @param directory number of the directory that it is in
 * @param mode type and permissions as they are shown
 * @param oid of a directory `undefined`: it is the same one whatever is in it
 */
export function inodeOf(directory: number, name: string, mode: number, oid: Oid | undefined): number {
  let [high, low] = hashName(Math.floor(directory / 2 ** 32) | 0, directory | 0, name);
  high = mix(high, mode);
  low = mix(low, mode);
  for (let i = 0; oid !== undefined && i < 32; i += 8) {
    const word = Number.parseInt(oid.slice(i, i + 8), 16) | 0;
    high = mix(high, word);
    low = mix(low, Math.imul(word, 0x27d4eb2f));
  }
  return numberOf(high, low);
}

/** The same of a name and an id as they lie in a tree. @param idAt where the id begins; -1: a directory */
export function inodeOfBytes(
  directory: number,
  tree: Uint8Array,
  nameStart: number,
  nameEnd: number,
  mode: number,
  idAt: number,
): number {
  let high = mix(Math.floor(directory / 2 ** 32) | 0, 0x2f);
  let low = mix(directory | 0, 0x12f);
  for (let at = nameStart; at < nameEnd; at++) {
    const byte = tree[at]!;
    high = mix(high, byte);
    low = mix(low, byte + 0x100);
  }
  high = mix(finish(high ^ (nameEnd - nameStart)), mode);
  low = mix(finish(low ^ (nameEnd - nameStart)), mode);
  for (let at = idAt; idAt >= 0 && at < idAt + 16; at += 4) {
    const word = (tree[at]! << 24) | (tree[at + 1]! << 16) | (tree[at + 2]! << 8) | tree[at + 3]!;
    high = mix(high, word);
    low = mix(low, Math.imul(word, 0x27d4eb2f));
  }
  return numberOf(high, low);
}

function numberOf(high: number, low: number): number {
  const number = (finish(high) & 0x1fffff) * 0x1_0000_0000 + (finish(low) >>> 0);
  // 0 is no inode, 1 is the root's.
  return number > ROOT_INO ? number : number + 2;
}

function hashName(parentHigh: number, parentLow: number, name: string): [high: number, low: number] {
  // A separator: `a/b` is not `ab`.
  let high = mix(parentHigh, 0x2f);
  let low = mix(parentLow, 0x12f);
  for (let i = 0; i < name.length; i++) {
    const byte = name.charCodeAt(i);
    high = mix(high, byte);
    low = mix(low, byte + 0x100);
  }
  return [finish(high ^ name.length), finish(low ^ name.length)];
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
