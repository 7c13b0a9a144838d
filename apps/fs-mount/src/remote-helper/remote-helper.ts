import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { serveReceivePack, serveUploadPack } from "@millrace/protocol-v2";
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
    else if (command === "stateless-connect" && what === "git-upload-pack") {
      return await withService(options, what, async ({ repository }, told) => {
        await using view = await repository.openView();
        await send(options, serveRequests(view, input.rest(), { agent: options.agent, onError: told }));
      });
    } else if (command === "connect" && what === "git-upload-pack") {
      return await withService(options, what, async ({ repository }, told) => {
        await using view = await repository.openView();
        const conversation = { version: 0, stateless: false, agent: options.agent, onError: told } as const;
        await send(options, serveUploadPack(view, input.rest(), conversation));
      });
    } else if (command === "connect" && what === "git-receive-pack") {
      return await withService(options, what, async ({ repository }, told) => {
        await using receiver = await repository.openReceiver();
        const conversation = { version: 0, stateless: false, agent: options.agent, onError: told } as const;
        await send(options, serveReceivePack(receiver, input.rest(), conversation));
      });
    } else if (command === "connect" || command === "stateless-connect") answer("fallback\n");
    else throw new Error(`git asks for ${JSON.stringify(line)}, which is not offered`);
  }
  return 0;
}

/** Opens the repository, tells git that the service follows, and serves it. */
async function withService(
  { open, output }: RemoteHelperOptions,
  service: Service,
  serve: (open: OpenForService, onError: () => void) => Promise<void>,
): Promise<number> {
  let status = 0;
  await using opened = await open(service);
  output.write("\n");
  await serve(opened, () => (status = 128));
  return status;
}

async function send({ output }: RemoteHelperOptions, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(bytes, output, { end: false });
}
