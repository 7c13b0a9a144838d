import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import type { Caller, FileSystem } from "../file-system.ts";
import { OPCODE, OPENED } from "../protocol/constants.ts";
import { Meter } from "./meter.ts";
import { Passthrough } from "./passthrough.ts";
import { Session } from "./session.ts";

/** A message about node 2. */
function message(opcode: number, unique: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(40);
  head.writeUInt32LE(40 + body.length, 0);
  head.writeUInt32LE(opcode, 4);
  head.writeUInt32LE(unique, 8);
  head.writeUInt32LE(2, 16);
  return Buffer.concat([head, body]);
}

function interrupt(unique: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(unique);
  return message(OPCODE.INTERRUPT, 1, body);
}

/** A session whose STATFS waits until it is interrupted; `takes` says whether answers are taken. */
function start(fileSystem: FileSystem = {}, meter?: Meter) {
  const callers: Caller[] = [];
  const answers: [unique: number, errno: number][] = [];
  const circumstances = { takes: true };
  const session = new Session({
    fileSystem: {
      async statfs(_nodeId, caller) {
        callers.push(caller);
        return await new Promise((_, reject) => {
          caller.signal.addEventListener("abort", () => reject(caller.signal.reason as Error), {
            once: true,
          });
        });
      },
      ...fileSystem,
    },
    write: ([head = new Uint8Array()]) => {
      const view = Buffer.from(head);
      answers.push([view.readUInt32LE(8), -view.readInt32LE(4)]);
      return circumstances.takes;
    },
    maxWriteBytes: 4096,
    maxBackground: 8,
    meter,
  });
  const init = Buffer.alloc(64);
  init.writeUInt32LE(7, 0);
  init.writeUInt32LE(40, 4);
  void session.push(message(OPCODE.INIT, 2, init));
  answers.length = 0;
  return { session, callers, answers, circumstances };
}

const { EINTR, ENOSYS } = constants.errno;
const nothing = new Uint8Array();

describe("INTERRUPT", () => {
  it("reaches the request that it names, which is answered once, and no other one", async () => {
    const { session, callers, answers } = start();
    const later = [4, 6].map((unique) => session.push(message(OPCODE.STATFS, unique, nothing)));
    void session.push(interrupt(6));
    await later[1];
    expect(answers).toEqual([[6, EINTR]]);
    expect(callers.map(({ signal }) => signal.aborted)).toEqual([false, true]);
    expect(session.pending).toBe(1);
    void session.push(interrupt(4));
    await later[0];
    expect(answers).toEqual([
      [6, EINTR],
      [4, EINTR],
    ]);
  });

  it("of a request that was answered, or never came, is nothing", async () => {
    const { session, answers } = start();
    void session.push(interrupt(40));
    const later = session.push(message(OPCODE.STATFS, 4, nothing));
    void session.push(interrupt(4));
    await later;
    void session.push(interrupt(4));
    void session.push(message(OPCODE.GETATTR, 8, new Uint8Array(16)));
    expect(answers).toEqual([
      [4, EINTR],
      [8, ENOSYS],
    ]);
    // A number that comes again is another request.
    void session.push(message(OPCODE.STATFS, 4, nothing));
    expect(session.pending).toBe(1);
  });

  it("twice, and seen late by the handler, is one", async () => {
    const { session, answers } = start({
      async statfs(_nodeId, caller) {
        await Promise.resolve();
        caller.signal.throwIfAborted();
        throw new Error("It was not interrupted");
      },
    });
    const later = session.push(message(OPCODE.STATFS, 4, nothing));
    void session.push(interrupt(4));
    void session.push(interrupt(4));
    await later;
    expect(answers).toEqual([[4, EINTR]]);
  });
});

it("an open that nobody takes is given back", () => {
  const given: string[] = [];
  const { session, circumstances } = start({
    open: () => ({ handle: 5 }),
    release: (nodeId, handle) => void given.push(`${nodeId}:${handle}`),
  });
  circumstances.takes = false;
  void session.push(message(OPCODE.OPEN, 4, new Uint8Array(8)));
  expect(given).toEqual(["2:5"]);
});

it("steps tell the age of the oldest request", () => {
  const { session } = start();
  expect(session.step()).toBe(0);
  void session.push(message(OPCODE.STATFS, 4, nothing));
  expect([session.step(), session.step()]).toEqual([1, 2]);
  void session.push(message(OPCODE.STATFS, 6, nothing));
  expect(session.step()).toBe(3);
  session.end();
  expect(session.step()).toBe(0);
});

it("a meter counts while it is on, and tells what is new", async () => {
  const meter = new Meter();
  const { session } = start({}, meter);
  const getattr = message(OPCODE.GETATTR, 8, new Uint8Array(16));
  void session.push(getattr);
  expect(meter.take()).toEqual([]);
  meter.turn(true);
  void session.push(getattr);
  const later = session.push(message(OPCODE.STATFS, 4, nothing));
  void session.push(interrupt(4));
  await later;
  const told = meter.take().map(({ operation, requests, errors }) => ({ operation, requests, errors }));
  expect(told).toEqual([
    { operation: "getattr", requests: 1, errors: 1 },
    { operation: "statfs", requests: 1, errors: 1 },
  ]);
  expect(meter.take()).toEqual([]);
  meter.turn(false);
  void session.push(getattr);
  expect(meter.take()).toEqual([]);
});

describe("passthrough", () => {
  it("puts a file on the kernel's list once, and takes it off with the last handle", () => {
    const list: string[] = [];
    const passthrough = new Passthrough({
      isAllowed: () => true,
      open: (fd) => list.push(`open ${fd}`),
      close: (id) => void list.push(`close ${id}`),
      identify: (fd) => String(fd % 10),
    });
    const { KEEP_CACHE } = OPENED;
    const open = (backingFd?: number): { flags: number; backingId: number } =>
      passthrough.opened(2, { handle: 1, flags: KEEP_CACHE, backingFd }, true);
    // 128 is FOPEN_PASSTHROUGH, 1 FOPEN_DIRECT_IO.
    expect([open(11), open(21), open(12), open()]).toEqual([
      { flags: 128, backingId: 1 },
      { flags: 128, backingId: 1 },
      { flags: 129, backingId: 1 },
      { flags: 129, backingId: 1 },
    ]);
    for (let i = 0; i < 4; i++) passthrough.released(2);
    expect(list).toEqual(["open 11", "close 1"]);
    // Cached pages are older than what was written past them, once.
    expect(open()).toEqual({ flags: 0, backingId: 0 });
    expect(open(11)).toEqual({ flags: KEEP_CACHE, backingId: 0 });
    passthrough.released(2);
    expect(open(11)).toEqual({ flags: KEEP_CACHE, backingId: 0 });
    passthrough.released(2);
    passthrough.released(2);
    passthrough.released(2);
    expect(open(11)).toEqual({ flags: 128, backingId: 3 });
  });

  it("does without where the kernel refuses a file", () => {
    const passthrough = new Passthrough({
      isAllowed: () => true,
      open: () => {
        throw new Error("It is stacked too deep");
      },
      close: () => undefined,
      identify: String,
    });
    expect(passthrough.opened(2, { handle: 1, backingFd: 3 }, false)).toEqual({ flags: 0, backingId: 0 });
  });
});
