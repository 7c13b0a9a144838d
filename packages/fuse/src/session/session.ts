import { constants } from "node:os";
import { errnoOf } from "../errno.ts";
import { FuseError } from "../errors.ts";
import type { FileSystem } from "../file-system.ts";
import { OPCODE } from "../protocol/constants.ts";
import { decodeBody, decodeHeader, type RequestBody, type RequestHeader } from "../protocol/decode.ts";
import { OUT_HEADER_BYTES, reply } from "../protocol/encode.ts";
import { type Agreement, negotiate } from "../protocol/negotiate.ts";
import { answer, type Body } from "./answer.ts";
import { PendingCaller } from "./caller.ts";
import type { Meter } from "./meter.ts";
import { type BackingFiles, Passthrough } from "./passthrough.ts";

/** A body up to this is copied behind its header. */
const JOINED_BYTES = 512;

/** What a session needs of the outside. */
export interface SessionOptions {
  readonly fileSystem: FileSystem;
  /**
   * Writes one answer whole, at once.
   * @returns false where the request is gone (ENOENT on the device)
   */
  readonly write: (parts: readonly Uint8Array[]) => boolean;
  readonly maxWriteBytes: number;
  readonly maxBackground: number;
  /** Native files for opens that lead past us, where the kernel can be told of them. */
  readonly backingFiles?: BackingFiles | undefined;
  /** Counts what is answered, while it is on. */
  readonly meter?: Meter | undefined;
  /** Called when INIT was answered. */
  readonly onReady?: ((agreement: Agreement) => void) | undefined;
}

/**
 * Answers the messages of one connection. It knows no device: messages are pushed in, answers are written by `write`.
 * Requests are taken up in the order of their arrival and answered as their handlers end.
 */
export class Session {
  readonly #options: SessionOptions;
  /** Requests that a handler has not answered, by number. */
  readonly #pending = new Map<number, PendingCaller>();
  #passthrough: Passthrough | undefined;
  #ready = false;
  #steps = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Requests whose answers are still to come. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Counts a step of time. @returns how many steps the oldest request has waited for its answer */
  step(): number {
    this.#steps++;
    for (const { since } of this.#pending.values()) return this.#steps - since;
    return 0;
  }

  /**
   * Takes one message. Its memory may be used again when this returns. A message whose body is malformed is answered EIO.
   * @returns a promise where the answer comes later; it never rejects with what a handler threw
   * @throws FuseError where the header is malformed: what follows could not be trusted; and what `write` throws
   */
  push(message: Uint8Array): Promise<void> | undefined {
    const header = decodeHeader(message);
    let body: RequestBody;
    try {
      body = decodeBody(header.opcode, message);
    } catch (error) {
      if (!(error instanceof FuseError)) throw error;
      if (
        header.opcode !== OPCODE.FORGET &&
        header.opcode !== OPCODE.BATCH_FORGET &&
        header.opcode !== OPCODE.INTERRUPT
      ) {
        this.#fail(header, constants.errno.EIO);
      }
      return undefined;
    }
    switch (body.op) {
      case "init":
        this.#init(header, body);
        return undefined;
      case "forget":
        for (const { nodeId, count } of body.nodes) this.#options.fileSystem.forget?.(nodeId, count);
        return undefined;
      case "interrupt":
        // Requests are taken up in order, so one that is not pending has been answered.
        this.#pending.get(body.unique)?.abort(interrupted());
        return undefined;
      case "destroy":
        this.#finish(header, { parts: [] });
        return undefined;
      default:
        if (this.#ready) return this.#ask(header, body);
        this.#fail(header, constants.errno.EIO);
        return undefined;
    }
  }

  /** Aborts what is pending: nobody waits for it any more. */
  end(): void {
    for (const caller of this.#pending.values())
      caller.abort(new FuseError("FUSE_ENDED", "The mount has ended"));
    this.#pending.clear();
  }

  #init(header: RequestHeader, asked: RequestBody & { op: "init" }): void {
    const { maxWriteBytes, maxBackground, fileSystem, onReady, backingFiles } = this.#options;
    const killsPrivileges = fileSystem.killsPrivileges ?? false;
    const passthrough = backingFiles !== undefined && fileSystem.passthrough === true;
    let agreed: ReturnType<typeof negotiate>;
    try {
      agreed = negotiate(asked, { maxWriteBytes, maxBackground, killsPrivileges, passthrough });
    } catch (error) {
      this.#fail(header, constants.errno.EPROTO);
      throw error;
    }
    this.#ready = true;
    this.#finish(header, { parts: [agreed.body] });
    // The kernel answers whether it takes files only now.
    if (agreed.agreement.passthrough && backingFiles?.isAllowed() === true) {
      this.#passthrough = new Passthrough(backingFiles);
    }
    onReady?.({ ...agreed.agreement, passthrough: this.#passthrough !== undefined });
  }

  #ask(header: RequestHeader, body: RequestBody): Promise<void> | undefined {
    const { fileSystem, meter } = this.#options;
    const startedAt = meter?.isOn === true ? performance.now() : 0;
    const caller = new PendingCaller(header);
    let result: Body | number | Promise<Body>;
    try {
      result = answer(fileSystem, header, body, caller, this.#passthrough);
    } catch (error) {
      result = errnoOf(error);
    }
    if (!(result instanceof Promise)) {
      this.#settle(header, result, startedAt);
      return undefined;
    }
    const unique = header.uniqueHigh * 0x1_0000_0000 + header.uniqueLow;
    caller.since = this.#steps;
    this.#pending.set(unique, caller);
    return this.#later(header, unique, result, startedAt);
  }

  async #later(
    header: RequestHeader,
    unique: number,
    result: Promise<Body>,
    startedAt: number,
  ): Promise<void> {
    let body: Body | number;
    try {
      body = await result;
    } catch (error) {
      body = errnoOf(error);
    }
    // Not pending: the session has ended meanwhile.
    if (!this.#pending.delete(unique)) return;
    this.#settle(header, body, startedAt);
  }

  /** @param startedAt 0 where nobody counts */
  #settle(header: RequestHeader, body: Body | number, startedAt: number): void {
    if (typeof body === "number") this.#fail(header, body);
    else this.#finish(header, body);
    if (startedAt === 0) return;
    this.#options.meter?.add(header.opcode, performance.now() - startedAt, typeof body === "number");
  }

  #finish({ uniqueLow, uniqueHigh }: RequestHeader, body: Body): void {
    let length = 0;
    for (const part of body.parts) length += part.length;
    // One part is written with less ado than two.
    const isJoined = length <= JOINED_BYTES;
    const head = reply(uniqueLow, uniqueHigh, 0, isJoined ? length : 0, isJoined ? 0 : length);
    if (isJoined) joinParts(head, body.parts);
    if (this.#options.write(isJoined ? [head] : [head, ...body.parts])) body.taken?.();
    else body.undo?.();
  }

  #fail({ uniqueLow, uniqueHigh }: RequestHeader, errno: number): void {
    this.#options.write([reply(uniqueLow, uniqueHigh, errno)]);
  }
}

/** Puts the parts of a body behind its header, where there is room for them. */
function joinParts(message: Buffer, parts: readonly Uint8Array[]): void {
  let at = OUT_HEADER_BYTES;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
}

/** As a handler that passes the signal on throws it: EINTR for the caller. */
function interrupted(): Error {
  return Object.assign(new Error("The caller was interrupted"), { name: "AbortError", code: "EINTR" });
}
