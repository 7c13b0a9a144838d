import { expect, it } from "vitest";
import { type ProtocolError, serveReceivePack, serveUploadPack } from "../../src/index.ts";
import { bandOf, readLeadingPackets } from "../support/packets.ts";
import { createRandom, type Random } from "../support/random.ts";
import { cut } from "../support/scripted-host.ts";
import { createMoodyHost } from "./moody-host.ts";
import { mutate } from "./mutations.ts";
import { type Transcript, transcripts } from "./transcripts.ts";

/** `MILLRACE_FUZZ_SEED` begins elsewhere, `MILLRACE_FUZZ_RUNS` goes on for longer. */
const seed = Number(process.env["MILLRACE_FUZZ_SEED"] ?? 1);
const runs = Number(process.env["MILLRACE_FUZZ_RUNS"] ?? 3000);

/** Serves these bytes and looks at all that may not happen, whatever they are; answers the error told. */
async function serve(
  transcript: Transcript,
  bytes: Buffer,
  random: Random,
  failing: number,
): Promise<ProtocolError | undefined> {
  const { service, version, stateless } = transcript;
  const host = createMoodyHost(random, failing);
  const errors: ProtocolError[] = [];
  const start = service === "upload-pack" ? serveUploadPack : serveReceivePack;
  const places = Array.from({ length: random.below(4) }, () => random.below(bytes.length + 1));
  const answer = start(host, cut(bytes, places), {
    version,
    stateless,
    maxRequestBytes: 200_000,
    onError: (error) => errors.push(error),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const output = Buffer.concat(chunks);

  expect(output.length).toBeLessThan(8192 + 200 * bytes.length);
  expect(errors.length).toBeLessThan(2);
  expect(host.openPacks).toBe(0);
  // A pack that comes bare is the last, and what is before it are packets.
  const { found } = readLeadingPackets(output);
  const [error] = errors;
  if (error === undefined) return undefined;
  expect(error.code).toMatch(/^PROTOCOL_/);
  expect(error.clientMessage).not.toMatch(/\p{Cc}/u);
  const last = found.at(-1)?.toString() ?? "";
  // Of a pack that comes bare nothing can be said any more.
  const bare = version !== 2 && bandOf(found, 1).length === 0 && /^(?:ACK|NAK)/.test(last);
  if (!bare) expect(last.startsWith("ERR ") || last.startsWith("\u0003"), last).toBe(true);
  return error;
}

const told = (transcript: Transcript, bytes: Buffer): string =>
  `${transcript.service} ${transcript.version} ${transcript.stateless} ${JSON.stringify(bytes.toString("latin1").slice(0, 2000))}`;

it("conversations that are whole end without an error", async () => {
  for (const transcript of transcripts) {
    const random = createRandom(seed);
    // The policy is drawn too, and may refuse; nothing else may.
    const error = await serve(transcript, transcript.bytes, random, 0);
    expect(error?.code ?? "PROTOCOL_NOT_OUR_REF", told(transcript, transcript.bytes)).toBe(
      "PROTOCOL_NOT_OUR_REF",
    );
  }
});

it("conversations that end anywhere", async () => {
  for (const transcript of transcripts) {
    for (let end = 0; end < transcript.bytes.length; end += transcript.bytes.length > 1000 ? 7 : 1) {
      const bytes = transcript.bytes.subarray(0, end);
      await serve(transcript, bytes, createRandom(seed + end), 0).catch((cause: unknown) => {
        throw new Error(`ended at ${end}: ${told(transcript, bytes)}`, { cause });
      });
    }
  }
}, 600_000);

it(
  "conversations that are broken in any way, with a host that fails at times",
  async () => {
    for (let run = 0; run < runs; run++) {
      const random = createRandom(seed * 1_000_003 + run);
      const transcript = random.pick(transcripts);
      const bytes = mutate(transcript.bytes, random);
      await serve(transcript, bytes, random, random.chance(0.3) ? 0.15 : 0).catch((cause: unknown) => {
        throw new Error(`seed ${seed}, run ${run}: ${told(transcript, bytes)}`, { cause });
      });
    }
  },
  Math.max(120_000, runs * 20),
);
