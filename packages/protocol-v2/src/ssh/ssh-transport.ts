import { createHash } from "node:crypto";
import ssh2, { type Client, type ClientChannel } from "ssh2";
import { openStreamTransport, type ServiceStreams } from "../client/stream/stream-transport.ts";
import type { GitService, GitTransport, OpenOptions } from "../client/transport.ts";
import { ProtocolError } from "../errors.ts";
import { printable } from "../printable.ts";
import { type FilledSshTransportOptions, SshTransportOptions } from "./schema.ts";

/**
 * A way to a repository over SSH (gitprotocol-pack, "SSH Transport"). All conversations share one connection, which is made
 * when the first one begins, and again when it is lost.
 *
 * @throws ZodError where the options are malformed.
 */
export function openSshTransport(options: SshTransportOptions): GitTransport {
  const filled = SshTransportOptions.parse(options);
  const { host, port, username, path } = filled;
  const address = `ssh://${username}@${host}${port === 22 ? "" : `:${port}`}${path.startsWith("/") ? "" : "/"}${path}`;
  let connection: Promise<Client> | undefined;

  const connected = (): Promise<Client> => {
    if (connection === undefined) {
      const connecting = connect(filled, address, () => {
        if (connection === connecting) connection = undefined;
      });
      connection = connecting;
    }
    return connection;
  };
  const streams = openStreamTransport(
    address,
    async (service, asked) => runService(await connected(), service, path, asked),
    filled.answerTimeoutMs,
  );
  return {
    address,
    open: (service, asked) => streams.open(service, asked),
    async [Symbol.asyncDispose]() {
      await streams[Symbol.asyncDispose]();
      (await connection?.catch(() => undefined))?.end();
    },
  };
}

/** Makes a connection; `onLost` is called when it is none any more. */
async function connect(
  options: FilledSshTransportOptions,
  address: string,
  onLost: () => void,
): Promise<Client> {
  const { host, port, username, privateKey, passphrase, password, agentSocket: agent } = options;
  if (privateKey !== undefined) checkKey(privateKey, passphrase, address);
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    let isStranger = false;
    client.on("ready", () => resolve(client));
    client.on("close", onLost);
    client.on("error", (cause: Error & { level?: string }) => {
      onLost();
      reject(connectFault(cause, address, isStranger));
    });
    client.connect({
      host,
      port,
      username,
      readyTimeout: options.connectTimeoutMs,
      hostVerifier: (key: Buffer) => {
        const hash = createHash("sha256").update(key).digest("base64").replace(/=+$/, "");
        isStranger = !options.isHostKey(`SHA256:${hash}`);
        return !isStranger;
      },
      ...(privateKey === undefined ? {} : { privateKey }),
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(password === undefined ? {} : { password }),
      ...(agent === undefined ? {} : { agent }),
    });
  });
}

/** Throws `PROTOCOL_UNAUTHORIZED` for a private key that cannot be read, or not with this passphrase. */
function checkKey(privateKey: string, passphrase: string | undefined, address: string): void {
  const parsed: unknown = ssh2.utils.parseKey(privateKey, passphrase);
  if (!(parsed instanceof Error)) return;
  const message = `the private key for ${address} cannot be read: ${printable(parsed.message)}`;
  throw new ProtocolError("PROTOCOL_UNAUTHORIZED", message, { cause: parsed });
}

function connectFault(
  cause: Error & { level?: string },
  address: string,
  isStranger: boolean,
): ProtocolError {
  if (isStranger)
    return new ProtocolError("PROTOCOL_UNREACHABLE", `${address} has another key than known`, { cause });
  if (cause.level === "client-authentication") {
    return new ProtocolError("PROTOCOL_UNAUTHORIZED", `${address} does not let this user in`, { cause });
  }
  const isTimeout = cause.level === "client-timeout";
  const code = isTimeout ? "PROTOCOL_TIMEOUT" : "PROTOCOL_UNREACHABLE";
  const transient = isTimeout || cause.level === "client-socket";
  return new ProtocolError(code, `no connection to ${address}`, { cause, transient });
}

function runService(
  client: Client,
  service: GitService,
  path: string,
  { version }: OpenOptions,
): Promise<ServiceStreams> {
  const command = `${service} '${path.replace(/['!]/g, "'\\$&'")}'`;
  // Servers that do not take the variable speak an older version, which they say first.
  const env = version === 0 ? {} : { GIT_PROTOCOL: `version=${version}` };
  return new Promise((resolve, reject) => {
    client.exec(command, { env }, (error: Error | undefined, channel: ClientChannel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      // A channel that nobody reads any more does not tell of its close, but of the command's end.
      const ended = new Promise((settle) => {
        channel.once("exit", settle);
        channel.once("close", settle);
      });
      resolve({
        input: channel,
        output: channel,
        complaints: channel.stderr,
        kill: () => channel.close(),
        ended,
      });
    });
  });
}
