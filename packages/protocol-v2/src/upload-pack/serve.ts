import { hostError } from "../errors.ts";
import type { UploadPackHost } from "../host.ts";
import { lastWords } from "../last-words.ts";
import { openRequestInput, type RequestInput } from "../request-input.ts";
import { UploadPackOptions } from "../schema.ts";
import type { ByteSource } from "../stream/abortable-source.ts";
import { ToldError } from "../told-error.ts";
import { capabilityAdvertisement } from "./advertise.ts";
import { type CommandContext, createCommandContext, type Framing } from "./capability.ts";
import { createCommandParser } from "./command-parser.ts";
import { serveLegacy } from "./legacy/serve.ts";

/**
 * Serves `git-upload-pack`: one request where it is stateless, else the advertisement and then, in version 2, requests
 * until the client sends a flush or ends its bytes; one fetch in the versions before. A client's fault and the host's are told to the client, then to `onError`,
 * and the output ends in good order; it throws the signal's reason, and what `input` throws. `input` is read only as
 * far as requests go, and its iterator is returned at the end; the host stays the caller's to dispose.
 * Implements gitprotocol-v2, and gitprotocol-pack, "Fetching Data From a Server".
 */
export async function* serveUploadPack(
  host: UploadPackHost,
  input: ByteSource,
  options: UploadPackOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const filled = UploadPackOptions.parse(options);
  const signal = filled.signal ?? new AbortController().signal;
  const requests = openRequestInput(input, signal, filled.maxRequestBytes);
  let framing: Framing | undefined;
  const createContext = (): CommandContext => {
    const context = createCommandContext(host, filled, signal);
    framing = context.framing;
    return context;
  };
  try {
    if (filled.version === 2) yield* converse(createContext, requests);
    else yield* serveLegacy(createContext(), filled.version, requests);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ToldError) {
      filled.onError?.(cause.error);
      return;
    }
    if (requests.failed) throw cause;
    const error = hostError(cause, "upload-pack: internal error");
    if (error.clientMessage !== undefined) yield lastWords(error.clientMessage, framing?.banded === true);
    filled.onError?.(error);
  } finally {
    await requests.release();
  }
}

async function* converse(
  createContext: () => CommandContext,
  requests: RequestInput,
): AsyncGenerator<Uint8Array, void, undefined> {
  let context = createContext();
  const { stateless, agent } = context.options;
  if (!stateless) yield capabilityAdvertisement({ host: context.host, agent });
  for (;;) {
    const parser = createCommandParser(context);
    if (!(await requests.read(parser)) || parser.request === undefined) return;
    yield* parser.request.answer();
    if (stateless) return;
    context = createContext();
  }
}
