import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import { startServer } from "@millrace/server";
import { openFsStorage } from "@millrace/storage-fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchAdvertisements, fetchFromGit, fetchFromMillrace, heldByClient } from "../src/ask-fetch.ts";
import { pushAdvertisements, pushToGit, pushToMillrace } from "../src/ask-push.ts";
import { type FixtureFetch, fetchCases } from "../src/fetch-cases.ts";
import { type Fixtures, createFixtures, fixtureNames } from "../src/fixtures.ts";
import { isLight } from "../src/light.ts";
import { packets, readPackets } from "../src/packets.ts";
import { type PushCase, type PushPack, pushCases } from "../src/push-cases.ts";
import { packOf } from "../src/raw-pack.ts";
import { type FetchAnswer, createReader, plainText, readFetchAnswer } from "../src/read-answer.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";

const formats = isLight ? (["sha256"] as const) : (["sha1", "sha256"] as const);
/** In the other format ids are longer, and nothing else is: it runs a sample, and the second Node another one of that. */
const sampled = <Case>(cases: readonly Case[], format: ObjectFormat): readonly Case[] =>
  format === "sha1" ? cases : cases.filter((_, index) => index % 4 === (isLight ? 2 : 0));

describe.each(formats)("our whole server answers as git does: %s", (format) => {
  let scratch: Scratch;
  let fixtures: Fixtures;
  let reader: string;

  beforeAll(async () => {
    scratch = await createScratch();
    fixtures = await createFixtures(join(scratch.path, "fixtures"), format);
    reader = await createReader(fixtures, join(scratch.path, "reader.git"));
  });

  afterAll(async () => {
    await scratch[Symbol.asyncDispose]();
  });

  const titled = (request: FixtureFetch): [string, FixtureFetch] => {
    const how = `v${request.version}${request.stateless ? "" : ", one connection"}`;
    return [`${request.on}, ${how}: ${request.lines.join(" ").replaceAll("\n", "\\n")}`, request];
  };

  it.each(sampled(fetchCases(fixtureNames), format).map(titled))("fetch of %s", async (_, request) => {
    const directory = fixtures.directory(request.on);
    const asked = { ...request, lines: await fixtures.expand(request.lines) };
    const theirs = fetchFromGit(directory, asked);
    const ours = await fetchFromMillrace(directory, asked);
    const expected = readFetchAnswer(theirs.bytes, theirs.error, reader);
    const answer = readFetchAnswer(ours.bytes, ours.error, reader);
    expect({ error: answer.error, lines: answer.lines }).toEqual({
      error: expected.error,
      lines: expected.lines,
    });
    expect(needed(answer, asked.lines)).toEqual(needed(expected, asked.lines));
    expect(answer.objects?.length ?? 0).toBeLessThanOrEqual(expected.objects?.length ?? 0);
    // Further back than what the client has, git makes new deltas against it.
    const isFurtherBack = !answer.isThin && asked.lines.includes("deepen 6");
    expect(answer.isThin).toBe(expected.isThin && !isFurtherBack);
  });

  it.each(sampled(pushCases(), format).map((push): [string, PushCase] => [push.name, push]))(
    "push to %s",
    async (_, push) => {
      const lines = await fixtures.expand(push.lines);
      const request = Buffer.concat([packets(...lines), await packFor(push.pack)]);
      const target = {
        fixture: fixtures.directory(push.on),
        copy: join(fixtures.root, "pushed.git"),
        config: push.config,
      };
      const expected = await pushToGit(target, request);
      expect(await pushToMillrace(target, request)).toEqual(expected);
    },
  );

  it.each(fixtureNames)("advertisements of %s", async (name) => {
    const directory = fixtures.directory(name);
    const plain = (bytes: Buffer): string[] => readPackets(bytes).found.map(plainText);
    for (const version of [0, 1, 2] as const) {
      const fetch = await fetchAdvertisements(directory, version);
      // Where there is no ref, older gits tell of no capabilities in the older versions.
      if (name !== "empty" || version === 2) expect(plain(fetch.ours)).toEqual(plain(fetch.theirs));
      const push = await pushAdvertisements(directory, version);
      expect(plain(push.ours)).toEqual(plain(push.theirs));
    }
  });

  it("over HTTP is all the same", async () => {
    const storage = openFsStorage({ root: fixtures.root });
    const server = await startServer(storage, { host: "127.0.0.1", port: 0 }, { version: "test" });
    try {
      const lines = ["want <main>", "have <main~4>", "have <none>", "include-tag", "no-progress", "done"];
      const fetched = { version: 2, stateless: true, lines: await fixtures.expand(lines) } as const;
      const asked = {
        ...fetched,
        lines: ["command=fetch", `object-format=${format}`, "0001", ...fetched.lines, "0000"],
      };
      const url = `http://127.0.0.1:${server.address.port}/history.git`;
      const post = async (service: string, body: Buffer): Promise<Buffer> => {
        const response = await fetch(`${url}/${service}`, {
          method: "POST",
          headers: { "content-type": `application/x-${service}-request`, "git-protocol": "version=2" },
          body: new Uint8Array(body),
        });
        expect(response.status).toBe(200);
        return Buffer.from(await response.arrayBuffer());
      };
      const answer = await post("git-upload-pack", packets(...asked.lines));
      const theirs = fetchFromGit(fixtures.directory("history"), asked);
      expect(readFetchAnswer(answer, undefined, reader)).toEqual(
        readFetchAnswer(theirs.bytes, theirs.error, reader),
      );
      const [stale = ""] = await fixtures.expand([
        "<main~1> <main~2> refs/heads/main\0report-status object-format=<format>",
      ]);
      const push = Buffer.concat([packets(stale, "0000"), await packFor("empty")]);
      const target = {
        fixture: fixtures.directory("history"),
        copy: join(fixtures.root, "pushed.git"),
        config: [],
      };
      const { report } = await pushToGit(target, push);
      const found = readPackets(await post("git-receive-pack", push)).found;
      expect(["|", ...found.map(plainText)]).toEqual(report);
    } finally {
      await server.close(0);
      await storage[Symbol.asyncDispose]();
    }
  });

  /** A pack's objects. Where histories are cut, git sends some that the client has; those need not be sent. */
  function needed({ objects }: FetchAnswer, lines: readonly string[]): readonly string[] | undefined {
    if (objects === undefined || !lines.some((line) => /^(?:deepen|shallow)/.test(line))) return objects;
    const held = heldByClient(fixtures.local.path, lines, join(fixtures.root, "client-shallow"));
    return objects.filter((oid) => !held.has(oid));
  }

  async function packFor(pack: PushPack): Promise<Buffer> {
    if (pack === "none") return Buffer.alloc(0);
    if (pack !== "empty" && "bytes" in pack) return Buffer.from(pack.bytes, "latin1");
    const whole = pack === "empty" ? { revisions: [] } : pack;
    const { revisions, flags = [], cutBytes = 0, bendsTrailer = false } = whole;
    const bytes = packOf(fixtures.local.path, await fixtures.expand(revisions), ...flags);
    if (bendsTrailer) bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    return bytes.subarray(0, bytes.length - cutBytes);
  }
});
