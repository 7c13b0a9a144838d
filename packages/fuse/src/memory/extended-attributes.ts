import { Errno } from "../errno.ts";
import type { MemoryNode } from "./node.ts";

const NAME = /^(user|trusted|security)\../s;
const MAX_BYTES = 65_536;
const [CREATE, REPLACE] = [1, 2];

/** Gives a node an extended attribute. @throws Errno EOPNOTSUPP, EEXIST, ENODATA, ENOSPC */
export function setAttribute(node: MemoryNode, name: string, value: Uint8Array, flags: number): void {
  // Access control lists (`system.`) would change what the mode means.
  if (!NAME.test(name)) throw new Errno("EOPNOTSUPP");
  const attributes = (node.attributes ??= new Map<string, Uint8Array>());
  if (flags === CREATE && attributes.has(name)) throw new Errno("EEXIST");
  if (flags === REPLACE && !attributes.has(name)) throw new Errno("ENODATA");
  let total = name.length + value.length;
  for (const [other, { length }] of attributes) if (other !== name) total += other.length + length;
  if (total > MAX_BYTES) throw new Errno("ENOSPC");
  attributes.set(name, new Uint8Array(value));
  node.changed();
}

/** @throws Errno ENODATA, EOPNOTSUPP */
export function getAttribute(node: MemoryNode, name: string): Uint8Array {
  const value = node.attributes?.get(name);
  if (value === undefined) throw new Errno(NAME.test(name) ? "ENODATA" : "EOPNOTSUPP");
  return value;
}

/** @throws Errno ENODATA */
export function removeAttribute(node: MemoryNode, name: string): void {
  if (node.attributes?.delete(name) !== true) throw new Errno("ENODATA");
  node.changed();
}
