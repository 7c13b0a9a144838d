import { constants } from "node:fs";
import type { Attributes, Time } from "../protocol/types.ts";
import { Content } from "./content.ts";

export const S_IFMT: number = constants.S_IFMT;
export const S_IFDIR: number = constants.S_IFDIR;
export const S_IFREG: number = constants.S_IFREG;
export const S_IFLNK: number = constants.S_IFLNK;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;

/** A file, a directory, a link or a special file, under as many names as `nlink` says. */
export class MemoryNode {
  readonly id: number;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  readonly rdev: number;
  atime: Time;
  mtime: Time;
  ctime: Time;
  /** References that the kernel holds. */
  references = 0;
  /** Handles that are open. */
  handles = 0;
  readonly content: Content | undefined;
  readonly children: Map<string, MemoryNode> | undefined;
  /** The directory above a directory. */
  parent: MemoryNode | undefined;
  readonly target: string | undefined;
  attributes: Map<string, Uint8Array> | undefined;

  constructor(
    id: number,
    made: { mode: number; uid: number; gid: number; rdev?: number; target?: string; parent?: MemoryNode },
  ) {
    this.id = id;
    this.mode = made.mode;
    this.uid = made.uid;
    this.gid = made.gid;
    this.rdev = made.rdev ?? 0;
    this.target = made.target;
    this.parent = made.parent;
    const type = made.mode & S_IFMT;
    this.nlink = type === S_IFDIR ? 2 : 1;
    this.content = type === S_IFREG ? new Content() : undefined;
    this.children = type === S_IFDIR ? new Map() : undefined;
    this.atime = this.mtime = this.ctime = now();
  }

  get isDirectory(): boolean {
    return this.children !== undefined;
  }

  /** Contents or names have changed. */
  modified(): void {
    this.mtime = this.ctime = now();
  }

  changed(): void {
    this.ctime = now();
  }

  /**
   * What a change of owner does to a file's set-user-id and set-group-id bits, or a write by somebody without the right to keep them.
   * @param writer group of who writes: of their other groups the kernel tells nothing, so that the bit goes in doubt
   */
  killPrivileges(writer?: number): void {
    if (this.isDirectory) return;
    this.mode &= ~S_ISUID;
    // Without the group's x-bit it never meant "run as that group".
    if ((this.mode & 0o010) !== 0 || (writer !== undefined && writer !== this.gid)) this.mode &= ~S_ISGID;
  }

  stat(): Attributes {
    const stored = this.content?.storedBytes ?? 0;
    return {
      ino: this.id,
      sizeBytes: this.content?.sizeBytes ?? this.target?.length ?? (this.children === undefined ? 0 : 4096),
      blocks: Math.ceil(stored / 512),
      atime: this.atime,
      mtime: this.mtime,
      ctime: this.ctime,
      mode: this.mode,
      nlink: this.nlink,
      uid: this.uid,
      gid: this.gid,
      rdev: this.rdev,
      blockSizeBytes: 4096,
    };
  }
}

let lastMs = 0;
let within = 0;

/** The time, later at each call than at the one before as long as the clock goes forward: a change always shows. */
export function now(): Time {
  const ms = Date.now();
  within = ms === lastMs ? Math.min(within + 1, 999_999) : 0;
  lastMs = ms;
  return { seconds: Math.floor(ms / 1000), nanoseconds: (ms % 1000) * 1_000_000 + within };
}
