/** What counting requests costs: GETATTR answered by the memory file system in nanoseconds, without a device. */
import { createFileSystem } from "../src/memory/index.ts";
import { OPCODE } from "../src/protocol/constants.ts";
import { Meter } from "../src/session/meter.ts";
import { Session } from "../src/session/session.ts";

const [ROUNDS, REQUESTS] = [9, 300_000];

function message(opcode: number, body: Buffer): Buffer {
  const head = Buffer.alloc(40);
  head.writeUInt32LE(40 + body.length, 0);
  head.writeUInt32LE(opcode, 4);
  head.writeUInt32LE(2, 8);
  head.writeUInt32LE(1, 16);
  return Buffer.concat([head, body]);
}

function session(meter: Meter | undefined): Session {
  const made = new Session({
    fileSystem: createFileSystem({}),
    write: () => true,
    maxWriteBytes: 4096,
    maxBackground: 1,
    meter,
  });
  const init = Buffer.alloc(64);
  init.writeUInt32LE(7, 0);
  init.writeUInt32LE(41, 4);
  void made.push(message(OPCODE.INIT, init));
  return made;
}

const on = new Meter();
on.turn(true);
const sessions = { "without a meter": session(undefined), off: session(new Meter()), on: session(on) };
const getattr = message(OPCODE.GETATTR, Buffer.alloc(16));
const taken = new Map<string, number[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, asked] of Object.entries(sessions)) {
    const startedAt = performance.now();
    for (let i = 0; i < REQUESTS; i++) void asked.push(getattr);
    taken.set(name, [...(taken.get(name) ?? []), ((performance.now() - startedAt) * 1e6) / REQUESTS]);
  }
}
for (const [name, all] of taken) {
  console.log(`${name}: ${(all.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN).toFixed(0)} ns`);
}
