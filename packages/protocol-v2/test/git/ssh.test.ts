import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import type { AddressInfo } from "node:net";
import ssh2 from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRemote } from "../../src/client/index.ts";
import { openSshTransport, type SshTransportOptions } from "../../src/ssh/index.ts";
import { git, gitEnvironment } from "../support/git.ts";
import { createSampleRepository, packBetween, type SampleRepository } from "../support/repository.ts";

/** A pair of keys. Of those of ed25519 that ssh2 makes, it cannot read one in some three hundred. */
const generateKeys = (): { private: string; public: string } =>
  ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });

/** An SSH server that runs what it is told, in a shell as sshd does, for whoever has the key. */
describe("a repository over SSH", () => {
  let sample: SampleRepository;
  let server: ssh2.Server;
  let options: SshTransportOptions;
  const commands: string[] = [];

  beforeAll(async () => {
    sample = await createSampleRepository();
    const host = generateKeys();
    const user = generateKeys();
    const known = ssh2.utils.parseKey(user.public) as ssh2.ParsedKey;
    server = new ssh2.Server({ hostKeys: [host.private] }, (client) => {
      client.on("error", () => undefined);
      client.on("authentication", (context) => {
        const isKnown = context.method === "publickey" && context.key.data.equals(known.getPublicSSH());
        if (isKnown) context.accept();
        else context.reject();
      });
      client.on("session", (accept) => {
        const session = accept();
        const env: Record<string, string> = {};
        session.on("env", (took, _, { key, val }) => {
          if (key === "GIT_PROTOCOL") env[key] = val;
          took?.();
        });
        session.on("exec", (begin, _, { command }) => {
          commands.push(command);
          const channel = begin();
          const child = spawn("sh", ["-c", command], { env: { ...gitEnvironment, ...env } });
          child.stdin.on("error", () => undefined);
          channel.pipe(child.stdin);
          child.stdout.pipe(channel, { end: false });
          child.stderr.pipe(channel.stderr, { end: false });
          child.on("close", (status) => {
            channel.exit(status ?? 1);
            channel.end();
          });
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const hostKey = (ssh2.utils.parseKey(host.public) as ssh2.ParsedKey).getPublicSSH();
    const fingerprint = `SHA256:${createHash("sha256").update(hostKey).digest("base64").replace(/=+$/, "")}`;
    options = {
      host: "127.0.0.1",
      port: (server.address() as AddressInfo).port,
      username: "git",
      path: sample.bare,
      isHostKey: (shown) => shown === fingerprint,
      privateKey: user.private,
    };
  });

  afterAll(async () => {
    server.close();
    await sample.remove();
  });

  it("lists, fetches and pushes, over one connection", async () => {
    const odd = `${sample.root}/it's odd!.git`;
    git(sample.root, "clone", "-q", "--bare", sample.bare, odd);
    const remote = openRemote(openSshTransport({ ...options, path: odd }));
    const names: string[] = [];
    for await (const { name } of remote.listRefs()) names.push(name);
    expect(names).toEqual(["HEAD", "refs/heads/main", "refs/heads/topic", "refs/tags/v1"]);
    const [, second = "", , last = ""] = sample.commits;
    let length = 0;
    for await (const chunk of (await remote.fetch({ wants: [last] })).pack) length += chunk.length;
    expect(length).toBeGreaterThan(500);
    const push = await remote.openPush();
    const report = await push.send({
      updates: [{ name: "refs/heads/topic", from: second, to: last }],
      pack: (async function* () {
        yield packBetween(sample.bare, [last], [last]);
      })(),
    });
    expect(report.refs).toMatchObject([{ name: "refs/heads/topic", reason: undefined }]);
    await push[Symbol.asyncDispose]();
    expect(git(odd, "rev-parse", "topic")).toBe(last);
    expect(commands[0]).toBe(`git-upload-pack '${sample.root}/it'\\''s odd'\\!'.git'`);
    await remote[Symbol.asyncDispose]();
  });

  it("talks to no stranger, and no stranger gets in", async () => {
    const faults = [
      { ...options, isHostKey: () => false },
      { ...options, privateKey: generateKeys().private },
      { ...options, path: `${sample.root}/nowhere` },
      { ...options, privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nno key\n" },
    ].map(async (each) => {
      const remote = openRemote(openSshTransport(each), { attempts: 1 });
      const fault = await remote.capabilities().catch((error: { code: string }) => error.code);
      await remote[Symbol.asyncDispose]();
      return fault;
    });
    expect(await Promise.all(faults)).toEqual([
      "PROTOCOL_UNREACHABLE",
      "PROTOCOL_UNAUTHORIZED",
      "PROTOCOL_NO_REPOSITORY",
      "PROTOCOL_UNAUTHORIZED",
    ]);
  });
});
