/** Throughput of the codec: reading lines and packs, writing lines, cutting a pack into sideband packets. */
import { bench, do_not_optimize, run, summary } from "mitata";
import {
  createPktDecoder,
  createSidebandDecoder,
  createSidebandWriter,
  demuxSideband,
  encodePkt,
  muxSideband,
  pktLine,
  sidebandPackets,
} from "../src/index.ts";

const MIB = 1024 * 1024;
const lineText = `${"0123456789abcdef".repeat(2)}01234567 refs/heads/some/branch-name\n`;
const lines = new Uint8Array(Buffer.concat(Array.from({ length: 10_000 }, () => pktLine(lineText))));
const payload = new TextEncoder().encode(lineText);
const target = new Uint8Array(lines.length);

const pack = new Uint8Array(64 * MIB).map((_, i) => i * 31);
const slices = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
const chunks = slices(pack, 64 * 1024);
const smallChunks = slices(pack, 300);
const framed = slices(sidebandPackets(1, pack), 64 * 1024);

bench("decode 10,000 lines in 64 KiB chunks", () => {
  const decoder = createPktDecoder();
  for (const chunk of slices(lines, 64 * 1024)) {
    decoder.push(chunk);
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) do_not_optimize(packet);
  }
});
bench("encode 10,000 lines into one buffer", () => {
  let at = 0;
  for (let i = 0; i < 10_000; i += 1) at = encodePkt(payload, target, at);
  do_not_optimize(at);
});
bench("10,000 times pktLine(text)", () => {
  for (let i = 0; i < 10_000; i += 1) do_not_optimize(pktLine(lineText));
});

const written = (parts: readonly Uint8Array[]): void => {
  const writer = createSidebandWriter();
  for (const part of parts) {
    writer.write(part);
    do_not_optimize(writer.take());
  }
  writer.flush();
  do_not_optimize(writer.take());
};
summary(() => {
  bench("64 MiB: copied once, for comparison", () => do_not_optimize(pack.slice()));
  bench("64 MiB: sideband writer, 64 KiB chunks", () => written(chunks));
  bench("64 MiB: sideband writer, 300-byte chunks", () => written(smallChunks));
  bench("64 MiB: muxSideband, 64 KiB chunks", async () => {
    for await (const piece of muxSideband(chunks)) do_not_optimize(piece);
  });
  bench("64 MiB: sideband decoder, 64 KiB chunks", () => {
    const decoder = createSidebandDecoder();
    for (const chunk of framed) {
      decoder.push(chunk);
      for (let event = decoder.next(); event !== undefined; event = decoder.next()) do_not_optimize(event);
    }
  });
  bench("64 MiB: demuxSideband, 64 KiB chunks", async () => {
    try {
      for await (const piece of demuxSideband(framed)) do_not_optimize(piece);
    } catch {
      // The stream has no flush at its end.
    }
  });
});
await run();
