/**
 * The kernel against what it replaces: zlib, node:crypto, and the same in JavaScript. To be run by a Node that reads
 * TypeScript, after the tests or a build have made the kernel:
 * `node --conditions=@millrace/source bench/kernel.bench.ts`.
 */
import { createHash, hash } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";
import { bench, do_not_optimize, group, run } from "mitata";
import { applyDelta } from "../src/delta/apply.ts";
import { createKernel } from "../src/kernel/kernel.ts";
import { encodeDelta } from "../test/delta-encoder.ts";

const TARGET_BYTES = 128 * 1024;
const kernel = createKernel();
const target = kernel.heapStart;
let end = target + TARGET_BYTES;

/** Puts bytes where they stay for the whole run. */
function place(bytes: Uint8Array): number {
  const at = (end + 7) & ~7;
  end = at + bytes.length + 64;
  kernel.ensure(end);
  kernel.bytes.set(bytes, at);
  return at;
}

/** Text with the redundancy of source code. */
function text(sizeBytes: number): Buffer {
  const words = [
    "static ",
    "int ",
    "const ",
    "char *",
    "return ",
    "if (",
    ") {\n\t",
    "}\n",
    "struct ",
    "->",
    "0x",
  ];
  let seed = 7;
  let out = "";
  while (out.length < sizeBytes) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    out += words[(seed >>> 16) % words.length]! + ((seed >>> 20) % 97);
  }
  return Buffer.from(out.slice(0, sizeBytes));
}

for (const sizeBytes of [60, 600, 6000, 60_000]) {
  const content = text(sizeBytes);
  const packed = deflateSync(content);
  const source = place(packed);
  group(`inflate ${sizeBytes} bytes`, () => {
    bench("kernel", () => do_not_optimize(kernel.inflate(source, source + packed.length, target, sizeBytes)));
    bench("zlib", () => do_not_optimize(inflateSync(packed, { chunkSize: Math.max(64, sizeBytes + 1) })));
  });
}

for (const sizeBytes of [200, 2000, 20_000]) {
  const COUNT = 64;
  const content = text(sizeBytes);
  const source = place(content);
  const jobs = place(new Uint8Array(COUNT * 8));
  for (let i = 0; i < COUNT; i++) kernel.words.set([source, sizeBytes], (jobs >> 2) + 2 * i);
  group(`SHA-1 of ${COUNT} objects of ${sizeBytes} bytes`, () => {
    bench("kernel, detecting", () => do_not_optimize(kernel.sha1Many(jobs, COUNT, target, true)));
    bench("kernel", () => do_not_optimize(kernel.sha1Many(jobs, COUNT, target, false)));
    bench("crypto.createHash", () => {
      for (let i = 0; i < COUNT; i++) do_not_optimize(createHash("sha1").update(content).digest());
    });
    bench("crypto.hash", () => {
      for (let i = 0; i < COUNT; i++) do_not_optimize(hash("sha1", content, "binary"));
    });
  });
}

for (const [copyBytes, insertBytes] of [
  [40, 10],
  [700, 30],
] as const) {
  const base = text(30_000);
  const steps = Array.from({ length: 40 }, (_, i) =>
    i % 2 === 0 ? { from: i * 700, length: copyBytes } : new Uint8Array(insertBytes).fill(i),
  );
  const { delta, result } = encodeDelta(base, steps);
  const baseAt = place(base);
  const deltaAt = place(delta);
  group(`apply a delta of 20 copies of ${copyBytes} and 20 inserts of ${insertBytes} bytes`, () => {
    bench("kernel", () =>
      do_not_optimize(kernel.applyDelta(baseAt, base.length, deltaAt, delta.length, target, result.length)),
    );
    bench("JavaScript", () => do_not_optimize(applyDelta(base, delta)));
  });
}

await run();
