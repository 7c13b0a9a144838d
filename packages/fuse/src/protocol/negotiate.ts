import { FuseError } from "../errors.ts";
import { INIT_FLAG, PASSTHROUGH_FLAG2 } from "./constants.ts";

/** What was agreed with the kernel. */
export interface Agreement {
  readonly minor: number;
  readonly flags: number;
  readonly maxWriteBytes: number;
  /** Opens may lead past the server to a native file. */
  readonly passthrough: boolean;
}

const WANTED =
  INIT_FLAG.ASYNC_READ |
  INIT_FLAG.BIG_WRITES |
  INIT_FLAG.DO_READDIRPLUS |
  INIT_FLAG.READDIRPLUS_AUTO |
  INIT_FLAG.ASYNC_DIO |
  INIT_FLAG.PARALLEL_DIROPS |
  INIT_FLAG.MAX_PAGES |
  INIT_FLAG.CACHE_SYMLINKS;

/** The newest minor version whose messages this package knows: further fields and flags are not asked for. */
const NEWEST_MINOR = 41;

/**
 * Chooses version and features for an INIT and makes its answer, `fuse_init_out`. The oldest kernel is Linux 5.4 (7.31).
 * @throws FuseError FUSE_UNSUPPORTED_KERNEL
 */
export function negotiate(
  asked: {
    readonly major: number;
    readonly minor: number;
    readonly maxReadaheadBytes: number;
    readonly flags: number;
    readonly flags2: number;
  },
  options: {
    readonly maxWriteBytes: number;
    readonly maxBackground: number;
    readonly killsPrivileges: boolean;
    readonly passthrough: boolean;
  },
): { agreement: Agreement; body: Buffer } {
  if (asked.major !== 7 || asked.minor < 31) {
    throw new FuseError(
      "FUSE_UNSUPPORTED_KERNEL",
      `The kernel speaks FUSE ${asked.major}.${asked.minor}, not 7.31 or newer`,
    );
  }
  const minor = Math.min(asked.minor, NEWEST_MINOR);
  const passthrough = options.passthrough && (asked.flags2 & PASSTHROUGH_FLAG2) !== 0;
  const flags =
    asked.flags &
    (WANTED |
      (options.killsPrivileges ? INIT_FLAG.HANDLE_KILLPRIV_V2 : 0) |
      (passthrough ? INIT_FLAG.INIT_EXT : 0));
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(minor, 4);
  body.writeUInt32LE(asked.maxReadaheadBytes, 8);
  body.writeUInt32LE(flags >>> 0, 12);
  body.writeUInt16LE(options.maxBackground, 16);
  body.writeUInt16LE(Math.max(1, Math.floor((options.maxBackground * 3) / 4)), 18);
  body.writeUInt32LE(options.maxWriteBytes, 20);
  body.writeUInt32LE(1, 24);
  body.writeUInt16LE(Math.ceil(options.maxWriteBytes / 4096), 28);
  if (passthrough) {
    body.writeUInt32LE(PASSTHROUGH_FLAG2, 32);
    // `max_stack_depth`: native files lie on file systems that are stacked on no other.
    body.writeUInt32LE(1, 36);
  }
  return { agreement: { minor, flags, maxWriteBytes: options.maxWriteBytes, passthrough }, body };
}
