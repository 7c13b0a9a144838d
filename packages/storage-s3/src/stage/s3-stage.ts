import { hashLength, type ObjectFormat, type OperationOptions, type RandomAccess } from "@millrace/pack";
import { type PackInfo, type SidecarKind, type Stage, StorageError } from "@millrace/storage";
import { openSpool, type Spool } from "./spool.ts";

/** What of a pack is on its way into the bucket. */
export interface PackUpload<T> {
  /** More of the pack has arrived. */
  follow(source: RandomAccess): void;
  /** Sends all that is there and was not sent yet; once for the pack, again for sidecars that came later. */
  send(source: RandomAccess): Promise<void>;
  /** Takes a file to go with the pack. */
  sidecar(kind: SidecarKind, bytes: Uint8Array): void;
  has(kind: SidecarKind): boolean;
  /** The pack as a commit takes it, when all is sent. */
  stored(id: string): T;
  /** Deletes what was sent, as far as the store answers. */
  discard(): Promise<void>;
}

/** A stage with what a commit asks of it. */
export interface S3Stage<T> extends Stage {
  /** When it can no longer be committed, by the store's clock, in milliseconds since 1970. */
  readonly expiresMs: number;
  /**
   * The pack, when all of it is in the bucket. Throws `STORAGE_STAGE_EXPIRED` where it is discarded or not sealed,
   * `STORAGE_UNSUPPORTED` where it has no index.
   */
  uploaded(options?: OperationOptions): Promise<T>;
  /** From here on disposal leaves the files alone: a manifest names them, or may. */
  landed(): void;
}

export interface S3StageOptions<T> {
  readonly objectFormat: ObjectFormat;
  readonly spoolFolder: string;
  /** See `S3Stage`: what no manifest names is swept away after twice its lifetime. */
  readonly expiresMs: number;
  /** The upload is told of what arrives when there is so much of it, in bytes. */
  readonly partBytes: number;
  /** The signal ends with the stage. */
  readonly upload: (signal: AbortSignal) => PackUpload<T>;
}

/** Opens a stage: bytes go to a spool on the disk, and behind it into the bucket. */
export async function openStage<T>(
  options: S3StageOptions<T>,
  { signal }: OperationOptions,
): Promise<S3Stage<T>> {
  signal?.throwIfAborted();
  const { objectFormat, expiresMs } = options;
  const ending = new AbortController();
  const upload = options.upload(ending.signal);
  const spool = await openSpool(options.spoolFolder);
  const scratches: Spool[] = [];
  let sealed: PackInfo | undefined;
  /** What was sent at the seal already, while the push is still judged. */
  let sending: Promise<void> | undefined;
  let state: "open" | "sealed" | "landed" | "discarded" = "open";
  let followed = 0;

  const check = (...allowed: (typeof state)[]): void => {
    signal?.throwIfAborted();
    if (!allowed.includes(state)) throw expired(state);
  };

  const discard = async (): Promise<void> => {
    if (state === "discarded") return;
    const wasLanded = state === "landed";
    state = "discarded";
    if (!wasLanded) ending.abort(expired(state));
    await sending?.catch(() => undefined);
    if (!wasLanded) await upload.discard();
    await Promise.all([spool, ...scratches].map((each) => each[Symbol.asyncDispose]()));
  };

  /** Sends behind what is being sent already. */
  const send = (): Promise<void> => {
    const before = sending ?? Promise.resolve();
    sending = before.then(async () => upload.send(await spool.open()));
    sending.catch(() => undefined);
    return sending;
  };

  return {
    expiresMs,
    get sizeBytes() {
      return spool.sizeBytes;
    },
    async write(bytes) {
      check("open");
      await spool.append(bytes);
      if (spool.sizeBytes - followed <= options.partBytes) return;
      followed = spool.sizeBytes;
      upload.follow(await spool.open());
    },
    async open() {
      check("open", "sealed", "landed");
      return spool.open();
    },
    async scratch() {
      check("open");
      const scratch = await openSpool(options.spoolFolder);
      scratches.push(scratch);
      return { write: scratch.append, open: scratch.open };
    },
    async sidecar(kind, content) {
      check("open", "sealed");
      upload.sidecar(kind, Buffer.concat(content instanceof Uint8Array ? [content] : [...content]));
    },
    async seal({ header, trailer }) {
      check("open");
      if (header.length !== 12 || trailer.length !== hashLength(objectFormat) || spool.sizeBytes < 12) {
        throw new StorageError("STORAGE_CORRUPT", "a pack needs 12 header bytes and its format's checksum");
      }
      await spool.append(trailer);
      await spool.overwrite(header, 0);
      sealed = { id: Buffer.from(trailer).toString("hex"), sizeBytes: spool.sizeBytes };
      state = "sealed";
      if (upload.has("idx")) void send();
      return sealed;
    },
    async uploaded(asked = {}) {
      asked.signal?.throwIfAborted();
      if (sealed === undefined || (state !== "sealed" && state !== "landed")) throw expired(state);
      if (!upload.has("idx")) {
        throw new StorageError("STORAGE_UNSUPPORTED", "a pack needs its index", { key: sealed.id });
      }
      await send();
      return upload.stored(sealed.id);
    },
    landed() {
      if (state === "sealed") state = "landed";
    },
    discard,
    [Symbol.asyncDispose]: discard,
  };
}

function expired(state: string): StorageError {
  const reasons: Readonly<Record<string, string>> = { open: "not sealed", landed: "committed" };
  return new StorageError("STORAGE_STAGE_EXPIRED", `the stage is ${reasons[state] ?? state}`);
}
