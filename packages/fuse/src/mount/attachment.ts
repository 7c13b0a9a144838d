/** A directory that a connection is attached to. */
export interface Attachment {
  /** The device, which belongs to whoever reads it from now on. */
  readonly fd: number;
  /**
   * Takes the mount away; with `lazy` at once for those that come, and wholly when the last user leaves.
   * @throws FuseError FUSE_BUSY, FUSE_MOUNT_FAILED
   */
  detach(lazy: boolean): Promise<void>;
  /** Gives back what is held beside the device, once the mount is gone. */
  close(): void;
}

/** What a mount is to be. */
export interface AttachOptions {
  /** Without symbolic links. */
  readonly directory: string;
  /** What it is called in /proc/mounts. */
  readonly name: string;
  readonly allowOther: boolean;
  readonly defaultPermissions: boolean;
  readonly readOnly: boolean;
  readonly trusted: boolean;
  readonly autoUnmount: boolean;
  /** The device is opened for a thread that blocks in reads. */
  readonly blocking: boolean;
}

/** The options that `mount` and `fusermount3` share. */
export function commonOptions(asked: AttachOptions): string[] {
  return [
    asked.trusted ? [] : ["nosuid", "nodev"],
    asked.readOnly ? ["ro"] : [],
    asked.allowOther ? ["allow_other"] : [],
    asked.defaultPermissions ? ["default_permissions"] : [],
  ].flat();
}
