import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ProtocolError, serveReceivePack, serveUploadPack } from "@millrace/protocol-v2";
import type { Repository } from "@millrace/repository";
import { CommandInput } from "./command-input.ts";
import { serveRequests } from "./serve-requests.ts";

/** What git asks a repository for. */
export type Service = "git-upload-pack" | "git-receive-pack";

/** A repository that is open for one service. Disposing closes it. */
export interface OpenForService extends AsyncDisposable {
  readonly repository: Repository;
}

/** What a remote helper works with. */
export interface RemoteHelperOptions {
  readonly input: AsyncIterable<Uint8Array>;
  /** Stays open. */
  readonly output: Writable;
  /** Opens the repository that git's remote leads to. What it throws is thrown before git is told that the service is there. */
  readonly open: (service: Service) => Promise<OpenForService>;
  /** What the services call themselves, `name/version`. */
  readonly agent: string;
  /** What is wrong with the repository, of which git was told no more than that something is. */
  readonly onFault?: ((fault: unknown) => void) | undefined;
}

/** git sets them for every helper; both are about what it shows by itself when the services speak. */
const KNOWN_OPTIONS = new Set(["progress", "verbosity"]);

/**
 * Holds the dialogue of a remote helper with git: capabilities and options, then one service. Fetches in protocol version 2 are requests
 * and answers (`stateless-connect`), those of the versions before and pushes the service's own conversation (`connect`).
 * Implements gitremote-helpers, "INPUT FORMAT", "Capabilities" and "COMMANDS".
 * @returns the status to exit with: 128 after an error that git was told
 * @throws what `open`, the storage and the streams throw; an error where git says what a helper of these capabilities is not asked
 */
export async function runRemoteHelper(options: RemoteHelperOptions): Promise<number> {
  const input = new CommandInput(options.input);
  const answer = (text: string): void => void options.output.write(text);
  for (let line = await input.line(); line !== undefined && line !== ""; line = await input.line()) {
    const [command, what = ""] = line.split(" ");
    if (command === "capabilities") answer("stateless-connect\nconnect\noption\n\n");
    else if (command === "option") answer(KNOWN_OPTIONS.has(what) ? "ok\n" : "unsupported\n");
    else if (command === "stateless-connect" && what === "git-upload-pack")
      return await serve(options, input, what, serveRequests);
    else if (command === "connect" && what === "git-upload-pack")
      return await serve(options, input, what, serveUploadPack);
    else if (command === "connect" && what === "git-receive-pack") return await serve(options, input, what);
    else if (command === "connect" || command === "stateless-connect") answer("fallback\n");
    else throw new Error(`git asks for ${JSON.stringify(line)}, which is not offered`);
  }
  return 0;
}

/** Opens the repository, tells git that the service follows, and serves it: a push, or a fetch as it is to be served. */
async function serve(
  { open, output, agent, onFault }: RemoteHelperOptions,
  input: CommandInput,
  service: Service,
  serveFetch: typeof serveRequests = serveUploadPack,
): Promise<number> {
  let status = 0;
  const conversation = {
    version: 0,
    stateless: false,
    agent,
    onError({ code, cause }: ProtocolError) {
      status = 128;
      if (code === "PROTOCOL_HOST_FAILED") onFault?.(cause);
    },
  } as const;
  const send = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    output.write("\n");
    await pipeline(bytes, output, { end: false });
  };
  await using opened = await open(service);
  if (service === "git-receive-pack") {
    await using receiver = await opened.repository.openReceiver();
    await send(serveReceivePack(receiver, input.rest(), conversation));
  } else {
    await using view = await opened.repository.openView();
    await send(serveFetch(view, input.rest(), conversation));
  }
  return status;
}
