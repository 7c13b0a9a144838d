import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FuseError } from "../errors.ts";
import { createFileSystem } from "../memory/index.ts";
import { Session } from "../session/session.ts";
import { INIT_FLAG, PASSTHROUGH_FLAG2, OPCODE } from "./constants.ts";
import { decodeBody, decodeHeader, IN_HEADER_BYTES } from "./decode.ts";
import { attributesBody, directoryBody, ENTRY_BYTES, entryBody, reply } from "./encode.ts";
import { negotiate } from "./negotiate.ts";
import { encodeNotification } from "./notify.ts";

const opcodes = Object.values(OPCODE);
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const id = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const name = fc
  .array(fc.integer({ min: 1, max: 255 }), { maxLength: 300 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));

/** A message as the kernel makes it. Numbers are words, pairs are longs. */
function message(opcode: number, body: Uint8Array, unique = 4, nodeId = 1): Buffer {
  const bytes = Buffer.alloc(IN_HEADER_BYTES + body.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(opcode, 4);
  bytes.writeBigUInt64LE(BigInt(unique), 8);
  bytes.writeBigUInt64LE(BigInt(nodeId), 16);
  bytes.set(body, IN_HEADER_BYTES);
  return bytes;
}

function longs(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [i, value] of values.entries()) bytes.writeBigInt64LE(BigInt(value), i * 8);
  return bytes;
}

describe("requests", () => {
  it("headers come out as they went in", () => {
    fc.assert(
      fc.property(fc.constantFrom(...opcodes), id, id, (opcode, unique, nodeId) => {
        const header = decodeHeader(message(opcode, new Uint8Array(), unique, nodeId));
        expect(header.uniqueHigh * 2 ** 32 + header.uniqueLow).toBe(unique);
        expect(header).toMatchObject({ opcode, nodeId, uid: 0, gid: 0, pid: 0 });
      }),
    );
  });

  it("names are bytes, whatever they are", () => {
    fc.assert(
      fc.property(name, name, id, u32, (from, to, newParent, flags) => {
        const head = Buffer.alloc(16);
        longs(newParent).copy(head);
        head.writeUInt32LE(flags, 8);
        const body = Buffer.concat([head, Buffer.from(`${from}\0${to}\0`, "latin1")]);
        expect(decodeBody(OPCODE.RENAME2, message(OPCODE.RENAME2, body))).toEqual({
          op: "rename",
          newParent,
          flags,
          name: from,
          newName: to,
        });
      }),
    );
  });

  it("a write is a view of what was sent", () => {
    fc.assert(
      fc.property(id, id, fc.uint8Array({ maxLength: 5000 }), (handle, offset, data) => {
        const sizes = Buffer.alloc(24);
        sizes.writeUInt32LE(data.length, 0);
        const body = Buffer.concat([longs(handle, offset), sizes, data]);
        const decoded = decodeBody(OPCODE.WRITE, message(OPCODE.WRITE, body));
        expect(decoded).toMatchObject({ op: "write", handle, offset });
        if (decoded.op === "write") expect([...decoded.data]).toEqual([...data]);
      }),
    );
  });

  it("every message that is cut is refused with a typed error, or means the same", () => {
    for (const opcode of opcodes) {
      const whole = Buffer.alloc(120);
      for (let length = 0; length < whole.length; length++) {
        try {
          decodeBody(opcode, message(opcode, whole.subarray(0, length)));
        } catch (error) {
          expect(error).toBeInstanceOf(FuseError);
        }
      }
    }
    expect(() => decodeBody(OPCODE.LOOKUP, message(OPCODE.LOOKUP, Buffer.from("endless")))).toThrow(
      FuseError,
    );
    expect(() => decodeHeader(message(1, new Uint8Array(8)).subarray(0, 44))).toThrow(FuseError);
    expect(() => decodeHeader(new Uint8Array(39))).toThrow(FuseError);
  });

  it("a count of nodes to forget is not believed", () => {
    const body = Buffer.alloc(24);
    body.writeUInt32LE(0xffffffff, 0);
    expect(() => decodeBody(OPCODE.BATCH_FORGET, message(OPCODE.BATCH_FORGET, body))).toThrow(
      expect.objectContaining({ code: "FUSE_SHORT_MESSAGE" }),
    );
  });
});

describe("answers", () => {
  const time = { seconds: -1, nanoseconds: 999_999_999 };
  const attributes = {
    ino: 2 ** 40 + 3,
    sizeBytes: 5,
    blocks: 1,
    atime: time,
    mtime: time,
    ctime: time,
    mode: 0o100644,
    nlink: 1,
    uid: 1,
    gid: 2,
    rdev: 3,
    blockSizeBytes: 4096,
  };

  it("have the sizes that the kernel wants", () => {
    expect(entryBody(undefined, 0)).toHaveLength(128);
    expect(attributesBody(attributes, 1500)).toHaveLength(104);
    expect(reply(7, 8, 2).toString("hex")).toBe("10000000feffffff0700000008000000");
  });

  it("numbers beyond 32 bits and times before 1970 are whole", () => {
    const body = attributesBody(attributes, 1500);
    expect(body.readBigUInt64LE(0)).toBe(1n);
    expect(body.readUInt32LE(8)).toBe(500_000_000);
    expect(body.readBigUInt64LE(16)).toBe(2n ** 40n + 3n);
    expect(body.readBigInt64LE(40)).toBe(-1n);
  });

  it("directories never exceed what was asked for, and tell how many entries they took", () => {
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 20 }),
        fc.integer({ min: 0, max: 4096 }),
        fc.boolean(),
        (names, max, plus) => {
          const entries = names.map((name, i) => ({ name, ino: i + 1, mode: 0o100644, nextOffset: i + 1 }));
          const { body, count } = directoryBody(entries, max, plus);
          expect(body.length).toBeLessThanOrEqual(max);
          let at = 0;
          for (let i = 0; i < count; i++) {
            if (plus) at += ENTRY_BYTES;
            const length = body.readUInt32LE(at + 16);
            expect(body.toString("latin1", at + 24, at + 24 + length)).toBe(names[i]);
            at += (24 + length + 7) & ~7;
          }
          expect(at).toBe(body.length);
        },
      ),
    );
  });

  it("notifications carry their names with a zero behind", () => {
    const bytes = encodeNotification({ kind: "invalidateEntry", parent: 2 ** 33, name: "né" });
    expect(bytes.readUInt32LE(0)).toBe(bytes.length);
    expect(bytes.readInt32LE(4)).toBe(3);
    expect(bytes.readBigUInt64LE(16)).toBe(2n ** 33n);
    expect(bytes.toString("latin1", 32)).toBe("né\0");
  });
});

describe("negotiation", () => {
  const options = { maxWriteBytes: 1_048_576, maxBackground: 64, killsPrivileges: true, passthrough: true };

  it("asks for nothing that the kernel has not", () => {
    fc.assert(
      fc.property(u32, fc.integer({ min: 31, max: 99 }), (flags, minor) => {
        const { agreement, body } = negotiate(
          {
            major: 7,
            minor,
            maxReadaheadBytes: 1,
            flags,
            flags2: (flags & INIT_FLAG.INIT_EXT) === 0 ? 0 : 0xffffffff,
          },
          options,
        );
        expect((agreement.flags & ~flags) >>> 0).toBe(0);
        expect(agreement.passthrough).toBe((flags & INIT_FLAG.INIT_EXT) !== 0);
        expect(body.readUInt32LE(32)).toBe(agreement.passthrough ? PASSTHROUGH_FLAG2 : 0);
        expect(agreement.minor).toBeLessThanOrEqual(minor);
        expect(body).toHaveLength(64);
      }),
    );
    const all = { major: 7, minor: 45, maxReadaheadBytes: 1, flags: 0xffffffff, flags2: 0xffffffff };
    expect(
      negotiate(all, { ...options, killsPrivileges: false }).agreement.flags & INIT_FLAG.HANDLE_KILLPRIV_V2,
    ).toBe(0);
  });

  it.each([
    { major: 6, minor: 40 },
    { major: 8, minor: 0 },
    { major: 7, minor: 30 },
  ])("refuses %o", (version) => {
    expect(() => negotiate({ ...version, maxReadaheadBytes: 1, flags: 0, flags2: 0 }, options)).toThrow(
      expect.objectContaining({ code: "FUSE_UNSUPPORTED_KERNEL" }),
    );
  });
});

describe("a session", () => {
  const start = (): { session: Session; answers: Buffer[] } => {
    const answers: Buffer[] = [];
    const session = new Session({
      fileSystem: createFileSystem({ maxBytes: 65_536 }),
      write: (parts) => answers.push(Buffer.concat(parts)) > 0,
      maxWriteBytes: 65_536,
      maxBackground: 8,
    });
    const init = Buffer.alloc(64);
    init.writeUInt32LE(7, 0);
    init.writeUInt32LE(40, 4);
    void session.push(message(OPCODE.INIT, init));
    answers.length = 0;
    return { session, answers };
  };

  it("answers every message of the kernel's shape once, and dies of none", () => {
    const { session, answers } = start();
    const silent = new Set<number>([OPCODE.FORGET, OPCODE.BATCH_FORGET, OPCODE.INTERRUPT]);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom(...opcodes.filter((code) => code !== OPCODE.INIT)),
          fc.integer({ min: 48, max: 5000 }),
        ),
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.uint8Array({ maxLength: 30 }).map((b) => b.map((x) => x % 3)),
        ),
        fc.integer({ min: 0, max: 4 }),
        (opcode, body, nodeId) => {
          answers.length = 0;
          void session.push(message(opcode, body, 6, nodeId));
          expect(answers).toHaveLength(silent.has(opcode) ? 0 : 1);
          if (answers[0] !== undefined) {
            expect(answers[0].readUInt32LE(0)).toBe(answers[0].length);
            expect(answers[0].readBigUInt64LE(8)).toBe(6n);
          }
        },
      ),
    );
  });

  it("answers what a handler throws with its number", () => {
    const { session, answers } = start();
    void session.push(message(OPCODE.UNLINK, Buffer.from("absent\0")));
    void session.push(message(OPCODE.LOOKUP, Buffer.from(`${"n".repeat(256)}\0`)));
    void session.push(message(OPCODE.IOCTL, new Uint8Array(32)));
    expect(answers.map((answer) => answer.readInt32LE(4))).toEqual([-2, -36, -38]);
  });
});
