import { type IncomingHttpHeaders, type RequestOptions, request } from "node:http";
import { connect } from "node:net";
import { createMemoryStorage } from "@millrace/storage";
import { subscribe } from "@millrace/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GitServer, startServer } from "../src/index.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

describe("smart HTTP", () => {
  let server: GitServer;

  beforeAll(async () => {
    const storage = createMemoryStorage();
    await storage.create("there.git");
    server = await startServer(storage, { host: "127.0.0.1", port: 0 }, { version: "1" });
  });

  afterAll(() => server.close(0));

  function send(path: string, options: RequestOptions = {}, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const client = request(
        { host: "127.0.0.1", port: server.address.port, path, ...options },
        (response) => {
          let text = "";
          response.setEncoding("latin1");
          response.on("data", (chunk: string) => (text += chunk));
          response.on("end", () => {
            const { statusCode = 0, headers, rawHeaders } = response;
            resolve({ status: statusCode, headers, rawHeaders, body: text });
          });
        },
      );
      client.on("error", reject);
      client.end(body);
    });
  }

  const post = (service: string, body: string, headers: Record<string, string> = {}): Promise<Answer> =>
    send(
      `/there.git/${service}`,
      {
        method: "POST",
        headers: { "content-type": `application/x-${service}-request`, ...headers },
      },
      body,
    );

  it("advertises with git's content types and never lets an answer be cached", async () => {
    for (const service of ["git-upload-pack", "git-receive-pack"]) {
      const { status, headers } = await send(`/there.git/info/refs?service=${service}`, {
        headers: { "git-protocol": "version=2" },
      });
      expect(status).toBe(200);
      expect(headers["content-type"]).toBe(`application/x-${service}-advertisement`);
      expect(headers.expires).toBe("Fri, 01 Jan 1980 00:00:00 GMT");
      expect(headers.pragma).toBe("no-cache");
      expect(headers["cache-control"]).toBe("no-cache, max-age=0, must-revalidate");
    }
  });

  it("names the service first unless version 2 is asked for", async () => {
    const path = "/there.git/info/refs?service=git-receive-pack";
    expect((await send(path)).body).toMatch(/^001f# service=git-receive-pack\n0000/);
    expect((await send(path, { headers: { "git-protocol": "version=2" } })).body).not.toContain("# service");
    expect(
      (
        await send("/there.git/info/refs?x=1&service=git-upload-pack", {
          headers: { "git-protocol": "version=2" },
        })
      ).body,
    ).toMatch(/^000eversion 2\n/);
  });

  it("keeps connections open without Node's Keep-Alive header", async () => {
    const { rawHeaders } = await send("/there.git/info/refs?service=git-upload-pack", {
      headers: { connection: "keep-alive" },
    });
    expect(rawHeaders.map((name) => name.toLowerCase())).not.toContain("keep-alive");
    const exchange = "GET /there.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const socket = connect(server.address.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.write(exchange);
    await expect.poll(() => text.match(/200 OK/g)?.length).toBe(1);
    socket.write(exchange);
    await expect.poll(() => text.match(/200 OK/g)?.length).toBe(2);
    socket.destroy();
  });

  it("answers HEAD without a body", async () => {
    const { status, body } = await send("/there.git/info/refs?service=git-upload-pack", { method: "HEAD" });
    expect({ status, body }).toEqual({ status: 200, body: "" });
  });

  it("finds a repository with and without .git", async () => {
    expect((await send("/there/info/refs?service=git-upload-pack")).status).toBe(200);
    expect((await send("/nowhere.git/info/refs?service=git-upload-pack")).status).toBe(404);
    expect((await send("/")).status).toBe(404);
  });

  it("refuses other methods, content types and services with git's statuses", async () => {
    const wrong = await send("/there.git/git-upload-pack");
    expect(wrong.status).toBe(405);
    expect(wrong.headers.allow).toBe("POST");
    expect(
      (await send("/there.git/info/refs?service=git-upload-pack", { method: "PUT" })).headers.allow,
    ).toBe("GET, HEAD");
    expect((await post("git-upload-pack", "0000", { "content-type": "text/plain" })).status).toBe(415);
    expect((await send("/there.git/info/refs?service=git-magic")).status).toBe(403);
    expect((await send("/there.git/info/refs")).status).toBe(403);
  });

  it("answers the 0000 probe of a chunked push at once, with nothing", async () => {
    const probe = await post("git-receive-pack", "0000");
    expect({ status: probe.status, body: probe.body }).toEqual({ status: 200, body: "" });
    expect(probe.headers["content-type"]).toBe("application/x-git-receive-pack-result");
  });

  it("closes a connection behind the end of its request, so that no answer is lost", async () => {
    const socket = connect(server.address.port, "127.0.0.1");
    let text = "";
    let hasEnded = false;
    socket.on("data", (data) => (text += data.toString("latin1")));
    const ended = new Promise<void>((resolve, reject) => {
      socket.on("end", resolve).on("error", reject);
    });
    void ended.then(() => (hasEnded = true));
    const head = [
      "POST /there.git/git-receive-pack HTTP/1.1",
      "Host: localhost",
      "Connection: close",
      "Content-Type: application/x-git-receive-pack-request",
      "Transfer-Encoding: chunked",
    ];
    // A flush is all of the push, and answered; the end of the body is still on its way.
    socket.write(`${head.join("\r\n")}\r\n\r\n4\r\n0000\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(hasEnded).toBe(false);
    socket.write("0\r\n\r\n");
    await ended;
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n0\r\n\r\n$/);
  });

  it("lets a client wait for 100 Continue", async () => {
    const continued = new Promise<void>((resolve, reject) => {
      const client = request(
        {
          host: "127.0.0.1",
          port: server.address.port,
          path: "/there.git/git-receive-pack",
          method: "POST",
          headers: { expect: "100-continue", "content-type": "application/x-git-receive-pack-request" },
        },
        (response) => response.resume().on("end", resolve),
      );
      client.on("error", reject);
      client.on("continue", () => client.end("0000"));
      client.flushHeaders();
    });
    await continued;
  });

  it("tells observers of each request", async () => {
    const told: unknown[] = [];
    const unsubscribe = subscribe({
      stop: ({ name, metadata }) => {
        if (name === "http.request") told.push(metadata);
      },
    });
    await send("/there.git/info/refs?service=git-upload-pack");
    await expect.poll(() => told.length).toBe(1);
    unsubscribe();
    expect(told[0]).toMatchObject({
      method: "GET",
      route: "info-refs",
      service: "git-upload-pack",
      repository: "there.git",
    });
  });
});
