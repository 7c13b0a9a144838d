import { createServer as createPlainServer, request as sendRequest } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { inspect } from "node:util";
import { subscribe } from "@millrace/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuthority } from "../../../test/support/certificates.ts";
import {
  answerAsGit,
  type HttpFixture,
  packets,
  startHttpFixture,
} from "../../../test/support/http-fixture.ts";
import { namesOf } from "../../../test/support/names-of.ts";
import {
  basicCredential,
  bearerCredential,
  callbackCredential,
  headerCredential,
  hostCredentials,
} from "../credential.ts";
import type { ProtocolError } from "../../errors.ts";
import { openRemote, type Remote } from "../remote.ts";
import type { RemoteOptions } from "../schema.ts";
import { openHttpTransport } from "./http-transport.ts";
import type { HttpTransportOptions } from "./schema.ts";

const TOKEN = "s3cr3t";

function remoteAt(url: string, options: HttpTransportOptions = {}, of: RemoteOptions = {}): Remote {
  return openRemote(openHttpTransport(url, options), { retryDelayMs: 1, ...of });
}

describe("an HTTP transport", () => {
  let git: HttpFixture;
  beforeAll(async () => {
    git = await startHttpFixture(answerAsGit());
  });
  afterAll(() => git[Symbol.asyncDispose]());

  it("asks for version 2, once for the capabilities and once for the refs", async () => {
    expect(await namesOf(remoteAt(`${git.origin}/some/repo.git/`))).toEqual(["refs/heads/main"]);
    const sent = git.requests.map(({ method, url, headers }) => [method, url, headers["git-protocol"]]);
    expect(sent).toEqual([
      ["GET", "/some/repo.git/info/refs?service=git-upload-pack", "version=2"],
      ["POST", "/some/repo.git/git-upload-pack", "version=2"],
    ]);
  });

  it("lets in with the credentials it was given, or those in the URL", async () => {
    const before = git.requests.length;
    await namesOf(remoteAt(git.origin, { credential: bearerCredential(TOKEN) }));
    await namesOf(remoteAt(git.origin.replace("//", `//user:${TOKEN}%2F@`)));
    await namesOf(remoteAt(git.origin, { credential: hostCredentials.github(TOKEN) }));
    let asked = 0;
    const credential = callbackCredential((origin) => basicCredential(`${++asked}`, origin));
    await namesOf(remoteAt(git.origin, { credential }));
    const sent = git.requests.slice(before).map(({ headers: { authorization = "" } }) => {
      const [scheme, value = ""] = authorization.split(" ");
      return scheme === "Basic" ? Buffer.from(value, "base64").toString() : authorization;
    });
    expect(sent).toEqual([
      ...Array(2).fill(`Bearer ${TOKEN}`),
      ...Array(2).fill(`user:${TOKEN}/`),
      ...Array(2).fill(`x-access-token:${TOKEN}`),
      `1:${git.origin}`,
      `2:${git.origin}`,
    ]);
  });

  it.each([
    ["bitbucket", hostCredentials.bitbucket, "x-token-auth"],
    ["cloudflare", hostCredentials.cloudflare, undefined],
    ["gitea", hostCredentials.gitea, undefined],
    ["github", hostCredentials.github, "x-access-token"],
    ["gitlab", hostCredentials.gitlab, "oauth2"],
  ])("brings a token to %s as it wants it", async (_, credentialOf, user) => {
    const before = git.requests.length;
    await namesOf(remoteAt(git.origin, { credential: credentialOf(TOKEN) }));
    const basic = `Basic ${Buffer.from(`${user}:${TOKEN}`).toString("base64")}`;
    const sent = git.requests.slice(before).map(({ headers: { authorization } }) => authorization);
    expect(sent).toEqual(Array(2).fill(user === undefined ? `Bearer ${TOKEN}` : basic));
    expect(inspect(credentialOf(TOKEN))).not.toContain(TOKEN);
  });

  it("brings a header of its own, and asks a callback that has none", async () => {
    const before = git.requests.length;
    await namesOf(remoteAt(git.origin, { credential: headerCredential("X-Api-Key", TOKEN) }));
    await namesOf(remoteAt(git.origin, { credential: callbackCredential(() => undefined) }));
    const sent = git.requests
      .slice(before)
      .map(({ headers }) => [headers["x-api-key"], headers.authorization]);
    expect(sent.map(([key]) => key)).toEqual([TOKEN, TOKEN, undefined, undefined]);
    expect(sent.every(([, authorization]) => authorization === undefined)).toBe(true);
    const failing = callbackCredential(() => Promise.reject(new Error("no keychain")));
    await expect(namesOf(remoteAt(git.origin, { credential: failing }))).rejects.toMatchObject({
      code: "PROTOCOL_UNAUTHORIZED",
    });
  });

  it("shows no secret, wherever it is printed", async () => {
    const transport = openHttpTransport(`http://user:${TOKEN}@127.0.0.1:1/repo`, {
      credential: bearerCredential(TOKEN),
    });
    const remote = openRemote(transport, { attempts: 1 });
    const error = await remote.capabilities().catch((fault: unknown) => fault);
    const shown = [transport, remote, error, basicCredential("user", TOKEN)].flatMap((thing) => [
      inspect(thing, { depth: 20, showHidden: true }),
      JSON.stringify(thing),
      String(thing),
    ]);
    for (const text of shown) expect(text).not.toContain(TOKEN);
    expect(error).toMatchObject({ code: "PROTOCOL_UNREACHABLE", transient: true });
    await remote[Symbol.asyncDispose]();
  });

  it("shows no secret that a server says back", async () => {
    const says = (authorization = ""): string => {
      const [, token = ""] = authorization.split(" ");
      return `no entry for ${authorization}, ${Buffer.from(token, "base64").toString()}, ${TOKEN}`;
    };
    await using refusing = await startHttpFixture((request, response) => {
      const words = says(request.headers.authorization);
      response.writeHead(403, { "content-type": "text/plain" }).end(words);
    });
    await using failing = await startHttpFixture(
      answerAsGit((request, response) => {
        if (request.method !== "POST") return false;
        request.resume();
        response.writeHead(200, { "content-type": "application/x-git-upload-pack-result" });
        response.end(packets(`ERR ${says(request.headers.authorization)}`));
        return true;
      }),
    );
    for (const credential of [basicCredential("user", TOKEN), bearerCredential(TOKEN)]) {
      for (const { origin } of [refusing, failing]) {
        const error = await namesOf(remoteAt(origin, { credential })).catch((fault: unknown) => fault);
        expect((error as ProtocolError).remoteMessage).toMatch(/^no entry for .*\*\*\*/);
        const shown = `${inspect(error, { depth: 20, showHidden: true })}${JSON.stringify(error)}`;
        expect(shown).not.toContain(TOKEN);
        expect(shown).not.toContain(Buffer.from(`user:${TOKEN}`).toString("base64"));
      }
    }
  });

  it("knows its origin in whatever case a redirect spells it", async () => {
    await using moved = await startHttpFixture(
      answerAsGit((request, response) => {
        if (request.url?.startsWith("/old/") !== true) return false;
        const { host } = request.headers;
        const to = `HTTP://x:y@${host?.replace("localhost", "LOCALHOST")}/new/info/refs?service=git-upload-pack`;
        response.writeHead(302, { location: to }).end();
        return true;
      }),
    );
    const url = moved.origin.replace("127.0.0.1", "LocalHost");
    await namesOf(remoteAt(`${url}/old`, { credential: bearerCredential(TOKEN) }));
    const sent = moved.requests.map(({ headers: { authorization } }) => authorization);
    expect(sent).toEqual(Array(3).fill(`Bearer ${TOKEN}`));
  });

  it("tells no secret to those who listen, nor in what goes wrong on the way", async () => {
    const heard: unknown[] = [];
    const keep = (message: unknown): void =>
      void heard.push(structuredClone({ ...(message as object), error: undefined }));
    const keepError = (message: { readonly error?: unknown }): void => {
      keep(message);
      heard.push(inspect(message.error, { depth: 20 }), JSON.stringify(message.error));
    };
    const unsubscribe = subscribe({ start: keep, stop: keep, error: keepError, event: keep });
    await using server = await startHttpFixture((request, response) => {
      if (request.url?.startsWith("/hang") === true) request.socket.destroy();
      else response.writeHead(503, { "retry-after": "0" }).end();
    });
    const secret = `user:${TOKEN}@`;
    const attempts = { attempts: 2 };
    const failures = [
      namesOf(remoteAt(server.origin.replace("//", `//${secret}`), {}, attempts)),
      namesOf(remoteAt(`${server.origin}/hang`, { credential: basicCredential("user", TOKEN) }, attempts)),
      namesOf(remoteAt(server.origin, { proxy: `http://${secret}127.0.0.1:1` }, attempts)),
      Promise.resolve().then(() => remoteAt(server.origin, { proxy: `ftp://${secret}127.0.0.1` })),
      Promise.resolve().then(() => remoteAt(`ftp://${secret}127.0.0.1`)),
      Promise.resolve().then(() => remoteAt(`http://${secret}127.0.0.1:99999`)),
    ];
    for (const failure of await Promise.allSettled(failures)) {
      expect(failure.status).toBe("rejected");
      const reason: unknown = failure.status === "rejected" ? failure.reason : undefined;
      heard.push(
        inspect(reason, { depth: 20, showHidden: true }),
        JSON.stringify(reason),
        String(reason),
        (reason as Error).stack,
      );
    }
    unsubscribe();
    const basic = Buffer.from(`user:${TOKEN}`).toString("base64");
    const texts = inspect(heard, { depth: 20, maxArrayLength: null, maxStringLength: null });
    expect(texts).toContain("client.retry");
    expect(texts).not.toContain(TOKEN);
    expect(texts).not.toContain(basic);
  });

  it("refuses credentials that would be another header", async () => {
    const remote = remoteAt(git.origin, { credential: bearerCredential("a\r\nx: b") });
    await expect(namesOf(remote)).rejects.toMatchObject({ code: "PROTOCOL_UNAUTHORIZED" });
  });

  it("follows a redirect within the origin, and asks there from then on", async () => {
    await using moved = await startHttpFixture(
      answerAsGit((request, response) => {
        if (request.url?.startsWith("/old/") !== true) return false;
        response.writeHead(301, { location: "/new.git/info/refs?service=git-upload-pack" }).end();
        return true;
      }),
    );
    await namesOf(remoteAt(`${moved.origin}/old`, { credential: bearerCredential(TOKEN) }));
    expect(moved.requests.map(({ url }) => url)).toEqual([
      "/old/info/refs?service=git-upload-pack",
      "/new.git/info/refs?service=git-upload-pack",
      "/new.git/git-upload-pack",
    ]);
  });

  it.each([
    ["another port", (origin: string) => `${origin}/repo/info/refs?service=git-upload-pack`],
    ["another scheme", (origin: string) => origin.replace("http:", "https:")],
    ["another host", (origin: string) => origin.replace("127.0.0.1", "localhost")],
    ["a name that is spelled otherwise", (origin: string) => origin.replace("127.0.0.1", "127.0.0.1.")],
    ["a name that begins alike", (origin: string) => origin.replace("127.0.0.1", "127.0.0.1.example.com")],
    [
      "what the origin is only the user of",
      (origin: string) => `${origin.replace(/:\d+$/, "")}@localhost:1/`,
    ],
    ["what is only the origin's neighbour", (origin: string) => origin.replace("http:", "")],
    ["what is behind backslashes", (origin: string) => origin.replace("http://", "\\\\")],
    ["no port at all", (origin: string) => origin.replace(/:\d+$/, "/repo/info/refs")],
    ["what is no URL", () => "http://[::"],
  ])("takes no credentials to %s", async (_, target) => {
    await using elsewhere = await startHttpFixture(answerAsGit());
    await using server = await startHttpFixture((_request, response) => {
      response.writeHead(302, { location: target(elsewhere.origin) }).end();
    });
    const remote = remoteAt(`${server.origin}/repo`, { credential: bearerCredential(TOKEN) });
    await expect(namesOf(remote)).rejects.toMatchObject({ code: "PROTOCOL_REDIRECTED" });
    expect(elsewhere.requests).toEqual([]);
  });

  it("leaves a circle of redirects", async () => {
    await using server = await startHttpFixture((request, response) => {
      response.writeHead(307, { location: request.url }).end();
    });
    await expect(namesOf(remoteAt(server.origin))).rejects.toMatchObject({ code: "PROTOCOL_REDIRECTED" });
    expect(server.requests.length).toBe(6);
  });

  it.each([
    [401, "PROTOCOL_UNAUTHORIZED", 1],
    [403, "PROTOCOL_UNAUTHORIZED", 1],
    [404, "PROTOCOL_NO_REPOSITORY", 1],
    [418, "PROTOCOL_BAD_STATUS", 1],
    [429, "PROTOCOL_BAD_STATUS", 3],
    [503, "PROTOCOL_BAD_STATUS", 3],
  ])("tells status %i as %s, asked %i times", async (status, code, asked) => {
    await using server = await startHttpFixture((_, response) => {
      response.writeHead(status, { "content-type": "text/plain" }).end("Because\u0007\nof that");
    });
    await expect(namesOf(remoteAt(server.origin, {}, { attempts: 3 }))).rejects.toMatchObject({
      code,
      status,
      remoteMessage: "Because?",
    });
    expect(server.requests.length).toBe(asked);
  });

  it("comes back when a fault is over", async () => {
    let faults = 0;
    await using server = await startHttpFixture(
      answerAsGit((request, response) => {
        if (faults >= 4) return false;
        faults++;
        if (faults % 2 === 0) response.writeHead(503, { "retry-after": "0" }).end();
        else request.socket.destroy();
        return true;
      }),
    );
    expect(await namesOf(remoteAt(server.origin, {}, { attempts: 5 }))).toEqual(["refs/heads/main"]);
  });

  it("takes no web page for an answer", async () => {
    await using server = await startHttpFixture((_, response) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>".repeat(100_000));
    });
    await expect(namesOf(remoteAt(server.origin))).rejects.toMatchObject({ code: "PROTOCOL_BAD_ANSWER" });
  });

  it.each(["headers", "body"])("gives up a server that hangs before its %s", async (where) => {
    await using server = await startHttpFixture((_, response) => {
      if (where === "headers") return;
      response.writeHead(200, { "content-type": "application/x-git-upload-pack-advertisement" });
      response.write("001e# service=git-upload");
    });
    const remote = remoteAt(server.origin, { answerTimeoutMs: 50 }, { attempts: 1 });
    await expect(namesOf(remote)).rejects.toMatchObject({ code: "PROTOCOL_TIMEOUT", transient: true });
  });

  it("leaves when it is told to, while others stay", async () => {
    let release: () => void = () => undefined;
    await using server = await startHttpFixture(
      answerAsGit((request, response) => {
        if (request.method !== "GET") return false;
        release = () => answerAsGit()(request, response);
        return true;
      }),
    );
    const remote = remoteAt(server.origin);
    const stop = new AbortController();
    const left = remote.capabilities({ signal: stop.signal });
    const stays = remote.capabilities();
    stop.abort(new Error("enough"));
    await expect(left).rejects.toThrow("enough");
    await expect.poll(() => server.requests.length).toBe(1);
    release();
    expect((await stays).agent).toBe("fixture/1");
    await remote[Symbol.asyncDispose]();
  });

  it("goes through a proxy, to which the credentials stay unknown", async () => {
    const seen: unknown[] = [];
    const proxy = createPlainServer((request, response) => {
      seen.push(request.headers.authorization);
      const to = sendRequest(request.url ?? "", { method: request.method, headers: request.headers });
      to.on("response", (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      });
      request.pipe(to);
    });
    proxy.on("connect", (request, client, head) => {
      seen.push(request.headers.authorization);
      const { hostname, port } = new URL(`http://${request.url}`);
      const server = connect(Number(port), hostname, () => {
        client.write("HTTP/1.1 200 OK\r\n\r\n");
        server.write(head);
        server.pipe(client).pipe(server);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const options = { proxy: url, credential: bearerCredential(TOKEN) };
    expect(await namesOf(remoteAt(git.origin, options))).toEqual(["refs/heads/main"]);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every((header) => header === undefined)).toBe(true);
    proxy.closeAllConnections();
    proxy.close();
  });
});

describe("an HTTPS transport", () => {
  it("trusts whom it is told to trust, and shows its own certificate", async () => {
    const { ca, issue } = await createAuthority();
    const { cert, key } = await issue("server");
    const clientCertificate = await issue("client");
    const server = createTlsServer(
      { ca, cert, key, requestCert: true, rejectUnauthorized: true },
      answerAsGit(),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/repo`;
    expect(await namesOf(remoteAt(url, { ca, clientCertificate }))).toEqual(["refs/heads/main"]);
    expect(await namesOf(remoteAt(url, { verifyTls: false, clientCertificate }))).toHaveLength(1);
    for (const options of [{ clientCertificate }, { ca }]) {
      await expect(namesOf(remoteAt(url, options, { attempts: 1 }))).rejects.toMatchObject({
        code: "PROTOCOL_UNREACHABLE",
      });
    }
    server.closeAllConnections();
    server.close();
  });
});
