import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { createBucket, demandServer, openFaultProxy } from "../src/index.ts";

describe("the lab", () => {
  for (const name of ["store", "small", "moto", "unconditional"] as const) {
    it(`starts ${name} and tells where it is`, async (ctx) => {
      const bucket = await createBucket(await demandServer(name, ctx));
      await bucket.put("a/b", "hello");
      expect(Buffer.from(await bucket.get("a/b")).toString()).toBe("hello");
      expect(await bucket.keys()).toEqual(["a/b"]);
    });
  }

  it("has a proxy that passes signed requests on, counts them and breaks them", async (ctx) => {
    const endpoint = await demandServer("store", ctx);
    const bucket = await createBucket(endpoint);
    const proxy = await openFaultProxy(endpoint.url);
    const { region, accessKeyId, secretAccessKey } = endpoint;
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({
      endpoint: proxy.url,
      region,
      credentials,
      forcePathStyle: true,
      maxAttempts: 1,
    });
    const where = { Bucket: bucket.name, Key: "k e y" };
    const put = (Body: string): Promise<unknown> => client.send(new PutObjectCommand({ ...where, Body }));
    const get = async (): Promise<string | undefined> =>
      (await client.send(new GetObjectCommand(where))).Body?.transformToString();
    try {
      await put("one");
      expect(await get()).toBe("one");
      expect(proxy.requests.map(({ method, status }) => `${method} ${status}`)).toEqual([
        "PUT 200",
        "GET 200",
      ]);
      proxy.plan = () => ({ kind: "status", status: 503, code: "SlowDown" });
      await expect(put("two")).rejects.toMatchObject({ name: "SlowDown" });
      proxy.plan = () => ({ kind: "reset-before" });
      await expect(put("three")).rejects.toThrow();
      proxy.plan = () => ({ kind: "half-body" });
      await expect(get()).rejects.toThrow();
      proxy.plan = undefined;
      expect(await get()).toBe("one");
      proxy.plan = () => ({ kind: "reset-after" });
      await expect(put("four")).rejects.toThrow();
      proxy.plan = undefined;
      expect(await get()).toBe("four");
    } finally {
      client.destroy();
      await proxy[Symbol.asyncDispose]();
    }
  });
});
