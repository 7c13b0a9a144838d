import { hostError } from "../errors.ts";
import type { UploadPackHost } from "../host.ts";
import { lastWords } from "../last-words.ts";
import { openRequestInput } from "../request-input.ts";
import { type FilledUploadPackOptions, UploadPackOptions } from "../schema.ts";
import type { ByteSource } from "../stream/abortable-source.ts";
import { ToldError } from "../told-error.ts";
import { capabilityAdvertisement } from "./advertise.ts";
import type { CommandContext } from "./capability.ts";
import { createCommandParser } from "./command-parser.ts";
import { legacyRefusal } from "./legacy.ts";

/**
 * Serves `git-upload-pack`: one request where it is stateless, else the advertisement and then requests until the
 * client sends a flush or ends its bytes. A client's fault and the host's are told to the client, then to `onError`,
 * and the output ends in good order; it throws the signal's reason, and what `input` throws. `input` is read only as
 * far as requests go, and its iterator is returned at the end; the host stays the caller's to dispose.
 * Implements gitprotocol-v2.
 */
export async function* serveUploadPack(
  host: UploadPackHost,
  input: ByteSource,
  options: UploadPackOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const filled = UploadPackOptions.parse(options);
  const signal = filled.signal ?? new AbortController().signal;
  const requests = openRequestInput(input, signal, filled.maxRequestBytes);
  try {
    yield* converse({ host, options: filled, signal }, filled, requests);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ToldError) {
      filled.onError?.(cause.error);
      return;
    }
    if (requests.failed) throw cause;
    const error = hostError(cause, "upload-pack: internal error");
    if (error.clientMessage !== undefined) yield lastWords(error.clientMessage, false);
    filled.onError?.(error);
  } finally {
    await requests.release();
  }
}

async function* converse(
  context: CommandContext,
  options: FilledUploadPackOptions,
  requests: ReturnType<typeof openRequestInput>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (options.version !== 2) throw legacyRefusal();
  if (!options.stateless) {
    yield capabilityAdvertisement({ objectFormat: context.host.objectFormat, agent: options.agent });
  }
  do {
    const parser = createCommandParser(context);
    if (!(await requests.read(parser)) || parser.request === undefined) return;
    yield* parser.request.answer();
  } while (!options.stateless);
}
