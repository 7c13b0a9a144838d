import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRemote, openTransport, type TransportUser } from "../../src/client/index.ts";
import { proxyUrl } from "../../src/client/user-git/proxy.ts";
import { createAuthority } from "../support/certificates.ts";
import { answerAsGit, type HttpFixture, startHttpFixture } from "../support/http-fixture.ts";
import { gitEnvironment, runGitAsync, temporaryDirectory } from "../support/git.ts";
import { namesOf } from "../support/names-of.ts";
import { createSampleRepository, type SampleRepository } from "../support/repository.ts";

/** A user whose settings are a file, and whose programs note how they are called. */
let home: { path: string; remove(): Promise<void> };
let environment: NodeJS.ProcessEnv;
const at = (name: string): string => join(home.path, name);

beforeEach(async () => {
  home = await temporaryDirectory();
  environment = { ...gitEnvironment, HOME: home.path, GIT_CONFIG_GLOBAL: at("config") };
  await writeFile(at("config"), "");
});
afterEach(() => home.remove());

/** The names that an address lists, for a user. */
async function namesAt(address: string, user: TransportUser = {}): Promise<string[]> {
  const transport = await openTransport(address, { environment, ...user });
  return await namesOf(openRemote(transport, { attempts: 1 }));
}

const codeOf = (failing: Promise<unknown>): Promise<unknown> =>
  failing.catch((error: { code?: unknown }) => error.code);

/** Writes a script, and answers its path. */
async function script(name: string, text: string): Promise<string> {
  await writeFile(at(name), `#!/bin/sh\n${text}`);
  await chmod(at(name), 0o755);
  return at(name);
}

const noted = async (): Promise<string> => readFile(at("notes"), "utf8").catch(() => "");

describe("credentials of the user's git", () => {
  const LET_IN = `Basic ${Buffer.from("me:s3cr3t").toString("base64")}`;
  let server: HttpFixture;

  beforeEach(async () => {
    server = await startHttpFixture(
      answerAsGit((request, response) => {
        if (!request.url!.startsWith("/private") || request.headers.authorization === LET_IN) return false;
        request.resume();
        response.writeHead(401, { "www-authenticate": 'Basic realm="here"' }).end();
        return true;
      }),
    );
  });
  afterEach(() => server[Symbol.asyncDispose]());

  /** A helper that knows a password, and notes what it is told. */
  async function helper(password: string): Promise<void> {
    const path = await script(
      "helper",
      `{ echo "$1"; grep -v '^wwwauth'; } >> '${at("notes")}'
       [ "$1" = get ] && printf 'username=me\\npassword=${password}\\n'; exit 0\n`,
    );
    await writeFile(at("config"), `[credential]\n\thelper = ${path}\n\tuseHttpPath = true\n`);
  }

  it("are asked for when a server wants some, once, and kept where they are good", async () => {
    await helper("s3cr3t");
    const { host } = new URL(server.origin);
    const remote = openRemote(await openTransport(`${server.origin}/private/a%20b.git`, { environment }));
    const some = await Promise.all(
      [1, 2, 3].map(async () => {
        const names: string[] = [];
        for await (const { name } of remote.listRefs()) names.push(name);
        return names;
      }),
    );
    await remote[Symbol.asyncDispose]();
    expect(some.flat()).toEqual(Array(3).fill("refs/heads/main"));
    const wanted = `protocol=http\nhost=${host}\npath=private/a b.git\n`;
    expect(await noted()).toBe(
      `get\n${wanted}store\nprotocol=http\nhost=${host}\npath=private/a b.git\nusername=me\npassword=s3cr3t\n`,
    );
    expect(server.requests.filter(({ headers }) => headers.authorization === undefined)).toHaveLength(1);
  });

  it("are refused once, and forgotten then", async () => {
    await helper("wrong");
    expect(await codeOf(namesAt(`${server.origin.replace("//", "//me@")}/private`))).toBe(
      "PROTOCOL_UNAUTHORIZED",
    );
    const { host } = new URL(server.origin);
    expect(await noted()).toBe(
      [
        `get\nprotocol=http\nhost=${host}\npath=private\nusername=me\n`,
        `erase\nprotocol=http\nhost=${host}\npath=private\nusername=me\npassword=wrong\n`,
      ].join(""),
    );
    expect(server.requests).toHaveLength(2);
  });

  it("are asked for by nobody where the server wants none, or the URL has them", async () => {
    await helper("s3cr3t");
    await namesAt(`${server.origin}/public`);
    await namesAt(`${server.origin.replace("//", "//me:s3cr3t@")}/private`);
    expect(await codeOf(namesAt(`${server.origin.replace("//", "//me:wrong@")}/private`))).toBe(
      "PROTOCOL_UNAUTHORIZED",
    );
    expect(await noted()).toBe("");
  });

  it("may be had nowhere", async () => {
    expect(await codeOf(namesAt(`${server.origin}/private`))).toBe("PROTOCOL_UNAUTHORIZED");
    environment = { ...environment, PATH: home.path };
    expect(await codeOf(namesAt(`${server.origin}/private`))).toBe("PROTOCOL_UNAUTHORIZED");
    expect(await namesAt(`${server.origin}/public`)).toEqual(["refs/heads/main"]);
  });

  it("may be a header of the settings, for the section that fits the URL best", async () => {
    await writeFile(
      at("config"),
      `[http]\n\textraHeader = Authorization: none\n[http "${server.origin}/private"]\n\textraHeader = Authorization: ${LET_IN}\n`,
    );
    expect(await namesAt(`${server.origin}/private/repo`)).toEqual(["refs/heads/main"]);
    expect(await codeOf(namesAt(`${server.origin}/private-too`))).toBe("PROTOCOL_UNAUTHORIZED");
    expect(server.requests.at(-1)?.headers.authorization).toBe("none");
  });

  it("go where the settings send a short name", async () => {
    await writeFile(at("config"), `[url "${server.origin}/"]\n\tinsteadOf = short:\n`);
    expect(await namesAt("short:public")).toEqual(["refs/heads/main"]);
    expect(server.requests[0]?.url).toContain("/public/info/refs");
  });
});

describe("the user's proxy", () => {
  let server: HttpFixture;
  let proxy: HttpFixture;

  beforeEach(async () => {
    server = await startHttpFixture(answerAsGit());
    proxy = await startHttpFixture((request, response) => {
      request.resume();
      response.writeHead(418).end();
    });
    // git sends plain requests there, and this client asks for a tunnel.
    proxy.onConnect((socket) => socket.end("HTTP/1.1 418 No\r\n\r\n"));
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  it.each<[string, (proxy: string) => NodeJS.ProcessEnv, string?]>([
    ["none", () => ({})],
    ["http_proxy", (url) => ({ http_proxy: url })],
    ["HTTP_PROXY, which is not heard", (url) => ({ HTTP_PROXY: url })],
    ["https_proxy, which is for others", (url) => ({ https_proxy: url })],
    ["ALL_PROXY", (url) => ({ ALL_PROXY: url })],
    ["a name without a scheme", (url) => ({ http_proxy: url.slice("http://".length) })],
    ["no_proxy of all", (url) => ({ http_proxy: url, no_proxy: "*" })],
    ["no_proxy of this host among others", (url) => ({ http_proxy: url, no_proxy: "a.example, 127.0.0.1" })],
    ["NO_PROXY of another host", (url) => ({ http_proxy: url, NO_PROXY: "27.0.0.1,example" })],
    ["a setting", () => ({}), "proxy"],
    ["a setting that undoes a variable", (url) => ({ http_proxy: url }), ""],
  ])("is found as git finds it: %s", async (_, variables, setting) => {
    environment = { ...environment, ...variables(proxy.origin) };
    if (setting !== undefined) {
      await writeFile(at("config"), `[http]\n\tproxy = ${setting === "" ? "" : proxy.origin}\n`);
    }
    const asked = async (ask: () => Promise<unknown>): Promise<string> => {
      const before = server.requests.length;
      await ask();
      return server.requests.length > before ? "the server" : "the proxy";
    };
    const ours = await asked(() => codeOf(namesAt(`${server.origin}/repo`)));
    const theirs = await asked(() =>
      runGitAsync(home.path, ["ls-remote", `${server.origin}/repo`], environment),
    );
    expect(ours).toBe(theirs);
  });

  it("must be one of HTTP", async () => {
    expect(proxyUrl("proxy:3128")).toBe("http://proxy:3128");
    expect(() => proxyUrl("socks5://127.0.0.1:1")).toThrow("a proxy of socks5, which is not HTTP");
    environment = { ...environment, all_proxy: "socks5h://127.0.0.1:1" };
    expect(await codeOf(namesAt(`${server.origin}/repo`))).toBe("PROTOCOL_UNSUPPORTED");
  });
});

describe("the user's certificates", () => {
  it.each<
    [string, (files: string) => { variables?: NodeJS.ProcessEnv; settings?: string; isLetIn: boolean }]
  >([
    ["none", () => ({ isLetIn: false })],
    [
      "variables",
      (files) => ({
        variables: {
          GIT_SSL_CAINFO: `${files}/ca`,
          GIT_SSL_CERT: `${files}/cert`,
          GIT_SSL_KEY: `${files}/key`,
        },
        isLetIn: true,
      }),
    ],
    [
      "settings",
      (files) => ({
        settings: `[http]\n\tsslCAInfo = ${files}/ca\n\tsslCert = ${files}/cert\n\tsslKey = ${files}/key\n`,
        isLetIn: true,
      }),
    ],
    [
      "certificates of nobody, where none is checked",
      (files) => ({
        settings: `[http]\n\tsslVerify = false\n\tsslCert = ${files}/cert\n\tsslKey = ${files}/key\n`,
        isLetIn: true,
      }),
    ],
    [
      "no check by a variable",
      (files) => ({
        variables: { GIT_SSL_NO_VERIFY: "1" },
        settings: `[http]\n\tsslCert = ${files}/cert\n\tsslKey = ${files}/key\n`,
        isLetIn: true,
      }),
    ],
  ])("are shown and trusted: %s", async (_, make) => {
    const { ca, issue } = await createAuthority();
    const { cert, key } = await issue("client");
    for (const [name, text] of Object.entries({ ca, cert, key })) await writeFile(at(name), text);
    const { variables = {}, settings = "", isLetIn } = make(home.path);
    environment = { ...environment, ...variables };
    await writeFile(at("config"), settings);
    const server = createServer(
      { ca, ...(await issue("server")), requestCert: true, rejectUnauthorized: true },
      answerAsGit(),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/repo`;
    const ours = await codeOf(namesAt(url));
    expect(ours).toEqual(isLetIn ? ["refs/heads/main"] : "PROTOCOL_UNREACHABLE");
    server.closeAllConnections();
    server.close();
  });
});

describe("the user's SSH", () => {
  let sample: SampleRepository;
  beforeAll(async () => {
    sample = await createSampleRepository();
  });
  afterAll(() => sample.remove());

  it.each<[string, (program: string) => { variables?: NodeJS.ProcessEnv; settings?: string; port?: string }]>(
    [
      ["GIT_SSH", (program) => ({ variables: { GIT_SSH: program, GIT_SSH_VARIANT: "ssh" }, port: "2222" })],
      [
        "GIT_SSH_COMMAND, a line for the shell",
        (program) => ({ variables: { GIT_SSH_COMMAND: `'${program}' -i "a key"`, GIT_SSH_VARIANT: "ssh" } }),
      ],
      [
        "core.sshCommand",
        (program) => ({ settings: `[core]\n\tsshCommand = ${program} -v\n[ssh]\n\tvariant = ssh\n` }),
      ],
      [
        "one that is called in another way",
        (program) => ({ variables: { GIT_SSH: program, GIT_SSH_VARIANT: "plink" }, port: "2222" }),
      ],
      [
        "one that takes nothing but a host",
        (program) => ({ settings: `[core]\n\tsshCommand = ${program}\n[ssh]\n\tvariant = simple\n` }),
      ],
    ],
  )("is called as git calls it: %s", async (_, make) => {
    const program = await script(
      "my-ssh",
      `for each; do printf '<%s>' "$each"; done > '${at("notes")}'
       for command; do :; done
       eval "exec \${command}"\n`,
    );
    const { variables = {}, settings = "", port } = make(program);
    environment = { ...environment, ...variables };
    await writeFile(at("config"), `${settings}[protocol]\n\tversion = 2\n`);
    const url = `ssh://me@host.example${port === undefined ? "" : `:${port}`}${sample.bare}`;
    const names = await namesAt(url, { prompts: true });
    const ours = await noted();
    await rm(at("notes"));
    const theirs = await runGitAsync(home.path, ["ls-remote", url], environment);
    expect(theirs.stderr).toBe("");
    expect(names).toContain("refs/heads/main");
    expect(ours).toBe(await noted());
  });

  it("asks nobody where nobody is to be asked", async () => {
    const program = await script(
      "my-ssh",
      `for each; do printf '<%s>' "$each"; done > '${at("notes")}'; exit 1\n`,
    );
    environment = { ...environment, GIT_SSH: program, GIT_SSH_VARIANT: "ssh" };
    expect(await codeOf(namesAt("me@host.example:repo.git"))).toBe("PROTOCOL_UNREACHABLE");
    expect(await noted()).toBe(
      "<-o><SendEnv=GIT_PROTOCOL><-o><BatchMode=yes><me@host.example><git-upload-pack 'repo.git'>",
    );
  });
});
