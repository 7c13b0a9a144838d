import { FuseError } from "../errors.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** `cmsghdr` and one descriptor, filled up to whole words. */
const CONTROL_BYTES = 24;
const RIGHTS_BYTES = 20;

/** What Node has no words for; 64-bit Linux, little-endian. Errors carry their number as `errno`, positive. */
export interface Libc {
  /** Two sockets that are connected to each other; programs that are started inherit neither. */
  socketPair(): readonly [number, number];
  /** A descriptor that came over a socket (SCM_RIGHTS), `undefined` where none is there yet. Does not wait. */
  receiveDescriptor(socket: number): number | undefined;
  /** An `ioctl` whose argument is the address of `argument`. @returns what the kernel does; throws an `Error` with `errno` */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
}

let loaded: Promise<Libc> | undefined;

/**
 * Loads koffi, an optional dependency, when it is first needed.
 * @throws FuseError FUSE_NATIVE_MISSING where it is not installed, or not for this machine
 */
export async function loadLibc(): Promise<Libc> {
  loaded ??= open().catch((error: unknown) => {
    loaded = undefined;
    throw new FuseError(
      "FUSE_NATIVE_MISSING",
      "The package koffi is missing, or not made for this machine",
      error,
    );
  });
  return await loaded;
}

async function open(): Promise<Libc> {
  const { default: koffi } = await import("koffi");
  const library = koffi.load(null);
  const vector = koffi.struct({ base: "void *", length: "size_t" });
  const header = koffi.struct({
    name: "void *",
    nameBytes: "uint32_t",
    vectors: koffi.pointer(vector),
    vectorCount: "size_t",
    control: "void *",
    controlBytes: "size_t",
    flags: "int",
  });
  const socketpair = library.func("int socketpair(int, int, int, _Out_ int *)");
  const recvmsg = library.func("recvmsg", "long", ["int", koffi.inout(koffi.pointer(header)), "int"]);
  const ioctl = library.func("int ioctl(int, unsigned long, ...)");
  const failed = (call: string): Error => {
    const errno = koffi.errno();
    return Object.assign(new Error(`${call}: error ${errno}`), { errno });
  };
  return {
    socketPair() {
      const pair: [number, number] = [-1, -1];
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) !== 0) throw failed("socketpair");
      return pair;
    },
    receiveDescriptor(socket) {
      const control = Buffer.alloc(CONTROL_BYTES);
      const message = {
        name: null,
        nameBytes: 0,
        vectors: [{ base: Buffer.alloc(1), length: 1 }],
        vectorCount: 1,
        control,
        controlBytes: CONTROL_BYTES,
        flags: 0,
      };
      if (Number(recvmsg(socket, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) <= 0) return undefined;
      const isRight =
        control.readUInt32LE(0) >= RIGHTS_BYTES &&
        control.readInt32LE(8) === SOL_SOCKET &&
        control.readInt32LE(12) === SCM_RIGHTS;
      return isRight ? control.readInt32LE(16) : undefined;
    },
    ioctl(fd, request, argument) {
      const result = Number(ioctl(fd, request, "void *", argument));
      if (result < 0) throw failed("ioctl");
      return result;
    },
  };
}
