import { createHash, randomUUID } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { expect, it } from "vitest";
import { demandServer, type S3Endpoint, type Skippable } from "../src/index.ts";
import { type Answer, type Dialogue, recordDialogue } from "./record-dialogue.ts";

const MIB = 1024 * 1024;

/** Holds the same dialogue with Ceph and with the small server. */
async function compare(
  context: Skippable,
  dialogue: (d: Dialogue) => Promise<void>,
): Promise<readonly Answer[]> {
  const ceph = await recordDialogue(await demandServer("ceph", context), dialogue);
  const small = await recordDialogue(await demandServer("small", context), dialogue);
  expect(small).toEqual(ceph);
  return ceph;
}

it("answers reads and conditional writes as Ceph does", async (context) => {
  const answers = await compare(context, async ({ Bucket, ask }) => {
    const at = (Key: string): { readonly Bucket: string; readonly Key: string } => ({ Bucket, Key });
    const stale = `"${createHash("md5").update("none").digest("hex")}"`;
    await ask("no such bucket", new GetObjectCommand({ Bucket: `${Bucket}-none`, Key: "a" }));
    await ask("the bucket again", new CreateBucketCommand({ Bucket }));
    for (const Key of ["a", "d/e f+g", 'ü/𝄞&<">']) {
      await ask("get nothing", new GetObjectCommand(at(Key)));
      await ask("head nothing", new HeadObjectCommand(at(Key)));
      await ask("replace nothing", new PutObjectCommand({ ...at(Key), Body: "x", IfMatch: stale }));
      await ask("delete nothing", new DeleteObjectCommand(at(Key)));
      await ask("delete nothing, if", new DeleteObjectCommand({ ...at(Key), IfMatch: stale }));
      const made = await ask("create", new PutObjectCommand({ ...at(Key), Body: "one", IfNoneMatch: "*" }));
      await ask("create again", new PutObjectCommand({ ...at(Key), Body: "two", IfNoneMatch: "*" }));
      const IfMatch = made.ETag as string;
      await ask("get", new GetObjectCommand(at(Key)));
      await ask("get, known", new GetObjectCommand({ ...at(Key), IfNoneMatch: IfMatch }));
      await ask("get, not known", new GetObjectCommand({ ...at(Key), IfNoneMatch: stale }));
      await ask("get, if", new GetObjectCommand({ ...at(Key), IfMatch }));
      await ask("get, if not", new GetObjectCommand({ ...at(Key), IfMatch: stale }));
      await ask("head", new HeadObjectCommand(at(Key)));
      await ask("replace stale", new PutObjectCommand({ ...at(Key), Body: "x", IfMatch: stale }));
      await ask(
        "replace",
        new PutObjectCommand({ ...at(Key), Body: "three", IfMatch, Metadata: { writer: "me" } }),
      );
      await ask("replace again", new PutObjectCommand({ ...at(Key), Body: "four", IfMatch }));
      await ask("get replaced", new GetObjectCommand(at(Key)));
      await ask("delete stale", new DeleteObjectCommand({ ...at(Key), IfMatch }));
      const now = await ask("head for its version", new HeadObjectCommand(at(Key)));
      await ask("delete", new DeleteObjectCommand({ ...at(Key), IfMatch: now.ETag as string }));
      await ask("gone", new GetObjectCommand(at(Key)));
    }
    const ten = Buffer.from("0123456789");
    await ask("typed", new PutObjectCommand({ ...at("t"), Body: ten, ContentType: "text/plain" }));
    for (const Range of ["0-3", "4-", "-4", "9-20", "10-12", "3-2"])
      await ask(`range ${Range}`, new GetObjectCommand({ ...at("t"), Range: `bytes=${Range}` }));
    await ask("empty", new PutObjectCommand({ ...at("empty"), Body: "" }));
    await ask("get empty", new GetObjectCommand(at("empty")));
    await ask("range of empty", new GetObjectCommand({ ...at("empty"), Range: "bytes=0-3" }));
    const large = Buffer.alloc(MIB, "large ");
    await ask("large", new PutObjectCommand({ ...at("large"), Body: large }));
    await ask(
      "middle of large",
      new GetObjectCommand({ ...at("large"), Range: `bytes=${MIB / 2}-${MIB / 2 + 70}` }),
    );
  });
  expect(answers.length).toBeGreaterThan(70);
  expect(new Set(answers.map(({ code }) => code))).toContain("PreconditionFailed");
});

it("answers uploads in parts as Ceph does", async (context) => {
  await compare(context, async ({ Bucket, ask }) => {
    const at = (Key: string): { readonly Bucket: string; readonly Key: string } => ({ Bucket, Key });
    const begin = async (Key: string): Promise<string> =>
      (await ask("begin", new CreateMultipartUploadCommand({ ...at(Key), Metadata: { writer: "me" } })))
        .UploadId as string;
    const part = async (
      Key: string,
      UploadId: string,
      PartNumber: number,
      Body: Buffer | string,
    ): Promise<string> =>
      (await ask("part", new UploadPartCommand({ ...at(Key), UploadId, PartNumber, Body }))).ETag as string;
    const complete = (
      Key: string,
      UploadId: string,
      parts: readonly (readonly [number, string])[],
      conditions: { IfNoneMatch?: string; IfMatch?: string } = {},
    ): ReturnType<typeof ask> => {
      const Parts = parts.map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
      const command = { ...at(Key), UploadId, MultipartUpload: { Parts }, ...conditions };
      return ask("complete", new CompleteMultipartUploadCommand(command));
    };
    const uploads = (more: object = {}): ReturnType<typeof ask> =>
      ask("uploads", new ListMultipartUploadsCommand({ Bucket, ...more }));

    const five = Buffer.alloc(5 * MIB, "five mebibytes ");
    const none = `2~${"x".repeat(31)}`;
    await ask(
      "part of nothing",
      new UploadPartCommand({ ...at("u"), UploadId: none, PartNumber: 1, Body: "x" }),
    );
    await ask("abort nothing", new AbortMultipartUploadCommand({ ...at("u"), UploadId: none }));

    const id = await begin("u");
    const [first, second] = [await part("u", id, 1, five), await part("u", id, 2, "the end")];
    await uploads();
    await ask("not there yet", new GetObjectCommand(at("u")));
    await complete("u", id, []);
    await complete("u", id, [[3, second]]);
    await complete("u", id, [[2, first]]);
    await complete(
      "u",
      id,
      [
        [1, first],
        [2, second],
      ],
      { IfNoneMatch: "*" },
    );
    await ask("head", new HeadObjectCommand(at("u")));
    await complete("u", id, [
      [1, first],
      [2, second],
    ]);
    await ask("across", new GetObjectCommand({ ...at("u"), Range: `bytes=${5 * MIB - 4}-${5 * MIB + 3}` }));
    await uploads();

    const again = await begin("u");
    const only = await part("u", again, 1, "only");
    await complete("u", again, [[1, only]], { IfNoneMatch: "*" });
    await complete("u", again, [[1, only]], { IfMatch: first });
    await ask("still the same", new HeadObjectCommand(at("u")));
    await ask("abort", new AbortMultipartUploadCommand({ ...at("u"), UploadId: again }));
    await ask("abort again", new AbortMultipartUploadCommand({ ...at("u"), UploadId: again }));

    const small = await begin("v");
    const parts = [await part("v", small, 1, "too"), await part("v", small, 2, "small")] as const;
    await complete("v", small, [
      [1, parts[0]],
      [2, parts[1]],
    ]);
    await part("v", small, 1, "sent again");
    await complete("v", small, [[2, parts[1]]]);
    await ask("get", new GetObjectCommand(at("v")));

    for (const Key of ["p/1", "p/2", "p/2", "q"]) await begin(Key);
    await uploads({ Prefix: "p/" });
    for (let marker = {}; ; ) {
      const page = await uploads({ MaxUploads: 1, ...marker });
      if (page.IsTruncated !== true) break;
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  });
});

it("lists in pages as Ceph does, whatever the keys", async (context) => {
  const [ceph, small] = [await demandServer("ceph", context), await demandServer("small", context)];
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "-", "é", "\uFFFD", "𝄞"), maxLength: 5 });
  const query = fc.record({
    Prefix: fc.oneof(fc.constant(undefined), text),
    StartAfter: fc.oneof(fc.constant(undefined), text),
    Delimiter: fc.constantFrom(undefined, "/"),
    MaxKeys: fc.integer({ min: 1, max: 12 }),
  });
  const keys = fc.uniqueArray(
    text.map((rest) => `k${rest}`),
    { minLength: 5, maxLength: 25 },
  );
  await fc.assert(
    fc.asyncProperty(keys, fc.array(query, { minLength: 10, maxLength: 10 }), async (names, queries) => {
      const dialogue = async ({ Bucket, ask }: Dialogue): Promise<void> => {
        for (const Key of names) await ask(Key, new PutObjectCommand({ Bucket, Key, Body: Key }));
        for (const each of queries) {
          const Prefix = each.Prefix === undefined ? undefined : `k${each.Prefix}`;
          const StartAfter = each.StartAfter === undefined ? undefined : `k${each.StartAfter}`;
          for (let ContinuationToken: string | undefined; ; ) {
            const command = new ListObjectsV2Command({
              Bucket,
              ...each,
              Prefix,
              StartAfter,
              ContinuationToken,
            });
            const page = await ask("list", command);
            ContinuationToken = page.NextContinuationToken as string | undefined;
            if (page.IsTruncated !== true) break;
          }
        }
      };
      const listed = (answers: readonly Answer[]): unknown =>
        answers.filter(({ what }) => what === "list").map(pageOf);
      expect(listed(await recordDialogue(small, dialogue))).toEqual(
        listed(await recordDialogue(ceph, dialogue)),
      );
    }),
    { numRuns: 12 },
  );
});

/** Tokens are each store's own. */
function pageOf({ status, fields }: Answer): unknown {
  const { Contents, CommonPrefixes, IsTruncated, KeyCount } = fields as Record<string, unknown>;
  return { status, Contents, CommonPrefixes, IsTruncated, KeyCount };
}

it("refuses who is not known, as Ceph does", async (context) => {
  const refusals = async (endpoint: S3Endpoint): Promise<unknown[]> => {
    const { url, region, accessKeyId, secretAccessKey } = endpoint;
    const told: unknown[] = [];
    for (const credentials of [
      { accessKeyId: "nobody", secretAccessKey },
      { accessKeyId, secretAccessKey: "wrong" },
    ]) {
      const client = new S3Client({
        endpoint: url,
        region,
        credentials,
        forcePathStyle: true,
        maxAttempts: 1,
      });
      const asked = client.send(new GetObjectCommand({ Bucket: "b", Key: randomUUID() }));
      told.push(await asked.catch(({ name, $metadata }) => [name, $metadata.httpStatusCode]));
      client.destroy();
    }
    const late = {
      endpoint: url,
      region,
      credentials: { accessKeyId, secretAccessKey },
      forcePathStyle: true,
    };
    const client = new S3Client({ ...late, maxAttempts: 1, systemClockOffset: 3_600_000 });
    const asked = client.send(new GetObjectCommand({ Bucket: "b", Key: "k" }));
    told.push(await asked.catch(({ name, $metadata }) => [name, $metadata.httpStatusCode]));
    client.destroy();
    return told;
  };
  const expected = await refusals(await demandServer("ceph", context));
  expect(await refusals(await demandServer("small", context))).toEqual(expected);
  expect(expected.flat()).toContain("SignatureDoesNotMatch");
});

it("wants to know who asks, and says what it leaves out", async (context) => {
  const { url, region, accessKeyId, secretAccessKey } = await demandServer("small", context);
  const client = new S3Client({
    endpoint: url,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
  });
  await client.send(new CreateBucketCommand({ Bucket: "b" }));
  const versioned = new GetObjectCommand({ Bucket: "b", Key: "k", VersionId: "1" });
  await expect(client.send(versioned)).rejects.toMatchObject({ name: "NotImplemented" });
  client.destroy();
  expect((await fetch(`${url}/b/k`)).status).toBe(403);
});
