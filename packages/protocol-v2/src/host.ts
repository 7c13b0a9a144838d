import type { ObjectFormat, Oid, OperationOptions } from "@millrace/pack";

/** One ref as a server tells it. */
export interface AdvertisedRef {
  readonly name: string;
  readonly oid: Oid;
  /** The ref this one points to, where it is symbolic. */
  readonly symref?: string | undefined;
  /** What an annotated tag finally points to; absent for everything else, and unless asked for. */
  readonly peeled?: Oid | undefined;
}

export interface RefRequest extends OperationOptions {
  /** Only refs whose full name (`HEAD` included) starts with one of these; absent means all. */
  readonly prefixes?: readonly string[] | undefined;
  /** Tell what annotated tags point to. */
  readonly peel?: boolean | undefined;
}

/** What HEAD names and, where it has one, its commit. */
export interface HeadState {
  readonly symref?: string | undefined;
  readonly oid?: Oid | undefined;
}

/** What both services ask of the repository they serve. */
export interface RefHost {
  readonly objectFormat: ObjectFormat;
  /** HEAD first where it resolves, then the rest in byte order. */
  listRefs(request?: RefRequest): AsyncIterable<AdvertisedRef>;
  head(options?: OperationOptions): Promise<HeadState>;
}

/** How far the making of a pack has come; the protocol turns these into git's progress lines. */
export type PackProgress =
  | { readonly phase: "enumerating"; readonly objects: number; readonly done: boolean }
  | { readonly phase: "counting"; readonly objects: number; readonly total: number }
  | {
      readonly phase: "total";
      readonly objects: number;
      readonly deltas: number;
      readonly reused: number;
      readonly reusedDeltas: number;
    };

export interface PackRequest extends OperationOptions {
  readonly wants: readonly Oid[];
  /** Objects that both sides have. */
  readonly haves: readonly Oid[];
  /** The client completes deltas whose base it has. */
  readonly thinPack: boolean;
  /** The client reads deltas that name their base by distance. */
  readonly ofsDelta: boolean;
  /** Annotated tags whose target is sent go along. */
  readonly includeTag: boolean;
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
}

/** What `fetch` asks of the repository it serves: one view for the whole request. */
export interface UploadPackHost extends RefHost, AsyncDisposable {
  /** Which of these objects are stored here, in order. */
  hasObjects(oids: readonly Oid[], options?: OperationOptions): Promise<readonly boolean[]>;
  /** Whether every want has an ancestor among these common objects: git's `ok_to_give_up`. */
  reachesCommon(wants: readonly Oid[], common: readonly Oid[], options?: OperationOptions): Promise<boolean>;
  /** The pack, header to trailer. Throws before the first byte where a want cannot be served. */
  createPack(request: PackRequest): AsyncIterable<Uint8Array>;
}

/** One line of a push: what a ref was seen to be and what it is to become; `null` is absent. */
export interface RefCommand {
  readonly name: string;
  readonly old: Oid | null;
  readonly new: Oid | null;
}

/** How far the receiving of a pack has come. */
export type ReceiveProgress =
  | { readonly phase: "receiving"; readonly objects: number; readonly total: number; readonly bytes: number }
  | { readonly phase: "resolving"; readonly deltas: number; readonly total: number }
  | { readonly phase: "checking"; readonly objects: number };

export interface ReceiveRequest extends OperationOptions {
  readonly commands: readonly RefCommand[];
  readonly atomic: boolean;
  /** Header to trailer; absent where the commands bring no objects. It ends with the stream, or where the pack does. */
  readonly pack?: AsyncIterable<Uint8Array> | undefined;
  readonly onProgress?: ((progress: ReceiveProgress) => void) | undefined;
}

/** What became of a push. */
export interface ReceiveReport {
  /** `undefined`: the pack was taken; else the words behind `unpack `. */
  readonly unpackError?: string | undefined;
  /** In the order of the commands; `error` holds the words behind `ng <ref> `. */
  readonly refs: readonly { readonly name: string; readonly error?: string | undefined }[];
  /** Lines for the user, shown as `remote: …`. */
  readonly messages?: readonly string[] | undefined;
}

/** What `receive-pack` asks of the repository it serves. */
export interface ReceivePackHost extends RefHost, AsyncDisposable {
  /** Takes the pack and moves the refs; refusals are told in the report, only aborts and faults of the store throw. */
  receive(request: ReceiveRequest): Promise<ReceiveReport>;
}
