import type { ByteStream, ObjectFilter, ObjectFormat, Oid, OperationOptions } from "@millrace/pack";

/** One ref as a server tells it. */
export interface AdvertisedRef {
  readonly name: string;
  readonly oid: Oid;
  /** The ref this one points to, where it is symbolic. */
  readonly symref?: string | undefined;
  /** What an annotated tag finally points to; absent for everything else, and unless asked for. */
  readonly peeled?: Oid | undefined;
}

/**
 * Refs as a `packed-refs` file has them (gitrepository-layout): lines of `<oid> <name>`, behind that of an annotated tag a
 * line `^<oid>` with what it finally points to. None of them is symbolic.
 */
export interface RefLines {
  /** Whole lines; they stay the host's. */
  readonly lines: Uint8Array;
  /** How many refs that are. */
  readonly count: number;
}

/** Refs in order: one by one, or as lines. */
export type RefBatch = readonly AdvertisedRef[] | RefLines;

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
  /**
   * The same in batches, as lines where the host has them so: these are told without being taken apart, with what tags
   * point to if that was asked for. Absent: `listRefs` is asked.
   */
  listRefBatches?(request?: RefRequest): AsyncIterable<RefBatch>;
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

/**
 * How a client asks for less history, or for more of it than it has (gitprotocol-v2, "shallow"). Without `depth`,
 * `since` and `not` it asks for nothing: its roots stay, and only those of this repository that the wants reach
 * without passing one are new to it.
 */
export interface DeepenRequest extends OperationOptions {
  readonly wants: readonly Oid[];
  /** The client's shallow roots as it named them. */
  readonly clientShallow: readonly Oid[];
  /** So many commits from each want, the want counted; `Infinity` is all of them. Not together with the others. */
  readonly depth?: number | undefined;
  /** `depth` counts from the client's shallow roots. */
  readonly relative?: boolean | undefined;
  /** Only commits from this time on, in seconds. */
  readonly since?: number | undefined;
  /** Only commits that these refs, by any name that git resolves, do not reach. */
  readonly not?: readonly string[] | undefined;
}

/** Where the client's history will end. */
export interface ShallowUpdate {
  /** Commits that become shallow roots and are none yet at the client. */
  readonly shallow: readonly Oid[];
  /** Shallow roots of the client whose parents it gets now. */
  readonly unshallow: readonly Oid[];
}

/** What a client says of itself; it changes nothing in the answer (gitprotocol-v2, "agent", "session-id", "server-option"). */
export interface ClientWords {
  readonly agent?: string | undefined;
  readonly sessionId?: string | undefined;
  /** `--server-option`, in order. */
  readonly serverOptions?: readonly string[] | undefined;
}

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
  /** The client's shallow roots before this fetch; their parents are not at the client. */
  readonly clientShallow?: readonly Oid[] | undefined;
  /** What `deepen` has answered for this fetch. */
  readonly shallowUpdate?: ShallowUpdate | undefined;
  /** Leave out what this filter leaves out; what is wanted by id is sent all the same. */
  readonly filter?: ObjectFilter | undefined;
  readonly client?: ClientWords | undefined;
  /** Whether `total` is to tell the deltas of a pack that is sent as it lies: counting them takes a while. Default `true`. */
  readonly countDeltas?: boolean | undefined;
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
}

/** What a repository offers to those who fetch (git-config, `uploadpack.*`). */
export interface UploadPackPolicy {
  /** Offer filters at all; each kind is put to `refuseFilter`. Default `false`. */
  readonly filters?: boolean | undefined;
  /** Whether a filter is allowed; the words of the refusal, or `undefined`. */
  readonly refuseFilter?: ((filter: ObjectFilter) => string | undefined) | undefined;
  /** Offer `ref-in-want`. Default `false`. */
  readonly refInWant?: boolean | undefined;
  /** Offer `sideband-all`. Default `false`. */
  readonly sidebandAll?: boolean | undefined;
  /** Versions 0 and 1: what may be wanted besides advertised tips. Default `advertised`. */
  readonly wants?: "advertised" | "tips" | "reachable" | "any" | undefined;
  /** Version 2: demand that a ref reaches what is wanted. Default `false`: any stored object will do, as in git. */
  readonly reachableOnly?: boolean | undefined;
  /** Named in `session-id`; absent: not offered. */
  readonly sessionId?: string | undefined;
}

/** What `fetch` asks of the repository it serves: one view for the whole request. */
export interface UploadPackHost extends RefHost, AsyncDisposable {
  /** Which of these objects are stored here, in order. */
  hasObjects(oids: readonly Oid[], options?: OperationOptions): Promise<readonly boolean[]>;
  /**
   * Whether every want has an ancestor among these common objects: git's `ok_to_give_up`, which counts the parents of a
   * common commit as common too.
   */
  reachesCommon(wants: readonly Oid[], common: readonly Oid[], options?: OperationOptions): Promise<boolean>;
  /** What this repository offers and demands. Default: the defaults of `UploadPackPolicy`. */
  readonly policy?: UploadPackPolicy | undefined;
  /** Commits whose parents this repository does not have. Absent: it has them all. */
  shallowRoots?(options?: OperationOptions): Promise<readonly Oid[]>;
  /**
   * Which of the shallow roots that a client names are stored here. Throws an error with `clientMessage` where one is no
   * commit. Absent: whatever is stored counts.
   */
  storedRoots?(oids: readonly Oid[], options?: OperationOptions): Promise<readonly Oid[]>;
  /**
   * Finds where a shallow client's history will end. Absent: `shallow` is not offered.
   * Throws an error with `clientMessage` where nothing is selected or a name does not resolve.
   */
  deepen?(request: DeepenRequest): Promise<ShallowUpdate>;
  /** Sizes of objects without their content, in order; `undefined` for what is not here. Absent: `object-info` is not offered. */
  objectSizes?(oids: readonly Oid[], options?: OperationOptions): Promise<readonly (number | undefined)[]>;
  /**
   * Which of these objects a ref reaches, in order; asked where the policy demands it, and for stateless clients of
   * versions 0 and 1, whose wants are mostly tips. Absent: only what a ref names is known to be reached.
   */
  areReachable?(oids: readonly Oid[], options?: OperationOptions): Promise<readonly boolean[]>;
  /**
   * The pack, header to trailer; where it can fill places its bytes are put straight into the packets. Throws before the
   * first byte where a want cannot be served.
   */
  createPack(request: PackRequest): AsyncIterable<Uint8Array> | ByteStream;
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
  /** Shallow roots of the client; the pushed history may end there. */
  readonly clientShallow?: readonly Oid[] | undefined;
  /** `git push --push-option`, in order. */
  readonly pushOptions?: readonly string[] | undefined;
  readonly client?: ClientWords | undefined;
  /** Header to trailer; absent where the commands bring no objects. It ends with the stream, or where the pack does. */
  readonly pack?: AsyncIterable<Uint8Array> | undefined;
  readonly onProgress?: ((progress: ReceiveProgress) => void) | undefined;
}

/** What a command did where that is not what it asked for; told to clients of `report-status-v2`. */
export interface RefLanding {
  /** The ref that moved in place of the one named. */
  readonly name?: string | undefined;
  readonly old?: Oid | null | undefined;
  readonly new?: Oid | null | undefined;
  /** The ref did not move forward. */
  readonly forced?: boolean | undefined;
}

/** What became of one command. */
export interface RefReport {
  readonly name: string;
  /** The words behind `ng <ref> `. */
  readonly error?: string | undefined;
  /** Absent: the ref named moved as asked. */
  readonly landed?: RefLanding | undefined;
}

/** What a repository offers to those who push (git-config, `receive.*`). */
export interface ReceivePackPolicy {
  /** Offer `push-options`. Default `false`. */
  readonly pushOptions?: boolean | undefined;
  /** Named in `session-id`; absent: not offered. */
  readonly sessionId?: string | undefined;
}

/** What became of a push. */
export interface ReceiveReport {
  /** `undefined`: the pack was taken; else the words behind `unpack `. */
  readonly unpackError?: string | undefined;
  /** In the order of the commands; `error` holds the words behind `ng <ref> `. */
  readonly refs: readonly RefReport[];
  /** Lines for the user, shown as `remote: …`. */
  readonly messages?: readonly string[] | undefined;
}

/** What `receive-pack` asks of the repository it serves. */
export interface ReceivePackHost extends RefHost, AsyncDisposable {
  readonly policy?: ReceivePackPolicy | undefined;
  /** Objects that the repository has besides what its refs say, told as `.have` lines. */
  alternateTips?(options?: OperationOptions): AsyncIterable<Oid>;
  /** Commits whose parents this repository does not have. Absent: it has them all. */
  shallowRoots?(options?: OperationOptions): Promise<readonly Oid[]>;
  /** Takes the pack and moves the refs; refusals are told in the report, only aborts and faults of the store throw. */
  receive(request: ReceiveRequest): Promise<ReceiveReport>;
}
