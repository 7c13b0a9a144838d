/** What a measurement counts. `code` is a number that names something: it is never summed up. */
export type Unit =
  | "attempts"
  | "bytes"
  | "code"
  | "commands"
  | "deltas"
  | "lines"
  | "milliseconds"
  | "objects"
  | "oids"
  | "packs"
  | "patterns"
  | "refs"
  | "requests";

/** One number that a span or an event carries. */
export interface MeasurementDefinition {
  readonly unit: Unit;
  readonly description: string;
}

/** One word that a span or an event carries. */
export interface MetadataDefinition {
  readonly description: string;
  /** Whether it takes few values over all repositories, and so may label a metric. */
  readonly bounded: boolean;
}

/** One span or event: what it is called and what it carries. */
export interface Definition {
  readonly kind: "span" | "event";
  readonly description: string;
  readonly measurements: Readonly<Record<string, MeasurementDefinition>>;
  readonly metadata: Readonly<Record<string, MetadataDefinition>>;
}

/**
 * Every span and event there is, by name. Names and keys are checked against it at compile time, the README's
 * table is generated from it, and the adapters read units and bounds here.
 */
export const registry = {
  "storage.list_refs": {
    kind: "span",
    description: "Refs are read from a backend, from the first one asked for to the last one taken.",
    measurements: { ref_count: { unit: "refs", description: "refs handed out" } },
    metadata: {
      ref_prefix: { bounded: false, description: "the prefixes asked for, joined by spaces" },
      backend: { bounded: true, description: "`fs`, `memory`, `s3`" },
    },
  },
  "storage.put_pack": {
    kind: "span",
    description: "A staged pack and its sidecars are made durable.",
    measurements: {
      pack_size: { unit: "bytes", description: "the pack, header and trailer included" },
      idx_size: { unit: "bytes", description: "its index" },
    },
    metadata: {
      pack_id: { bounded: false, description: "the pack's checksum in hex" },
      backend: { bounded: true, description: "`fs`, `memory`, `s3`" },
    },
  },
  "storage.commit": {
    kind: "span",
    description: "Staged packs become visible and refs move.",
    measurements: {
      ref_count: { unit: "refs", description: "refs asked to move" },
      pack_count: { unit: "packs", description: "packs added" },
    },
    metadata: {
      backend: { bounded: true, description: "`fs`, `memory`, `s3`" },
      atomic: { bounded: true, description: "whether all refs or none were to move" },
      outcome: { bounded: true, description: "`committed`, `partial`, `rejected`" },
    },
  },
  "storage.request": {
    kind: "span",
    description:
      "A backend asks a remote store for something, from the first attempt to the answer, its body included.",
    measurements: {
      bytes: { unit: "bytes", description: "the body that was sent or came back" },
      attempts: { unit: "attempts", description: "how often it was tried" },
    },
    metadata: {
      backend: { bounded: true, description: "`s3`" },
      operation: { bounded: true, description: "`get`, `put`, `list`, `delete`, `part`..." },
      key_kind: {
        bounded: true,
        description: "`manifest`, `ref`, `file` (of a bare repository), `pack`, `table`, `probe`",
      },
      key: { bounded: false, description: "the key in the bucket" },
      outcome: {
        bounded: true,
        description:
          "`done`, `unchanged`, `absent`, `lost` (to another writer), `unknown` (the answer was lost)",
      },
    },
  },
  "pack.index": {
    kind: "span",
    description: "A pack is scanned, its deltas are resolved and its index is made.",
    measurements: {
      object_count: { unit: "objects", description: "objects in the pack" },
      delta_count: { unit: "deltas", description: "those of them stored as deltas" },
      pack_size: { unit: "bytes", description: "the pack as received" },
    },
    metadata: { object_format: { bounded: true, description: "`sha1`, `sha256`" } },
  },
  "pack.write": {
    kind: "span",
    description: "A pack is made and streamed out.",
    measurements: {
      object_count: { unit: "objects", description: "objects in the pack" },
      delta_count: { unit: "deltas", description: "those of them sent as deltas" },
      reused_count: { unit: "objects", description: "entries copied as they were stored" },
      pack_size: { unit: "bytes", description: "the pack as sent" },
    },
    metadata: { object_format: { bounded: true, description: "`sha1`, `sha256`" } },
  },
  "pack.repack": {
    kind: "span",
    description: "Maintenance decides how the objects of a new pack are stored: deltas are looked for.",
    measurements: {
      object_count: { unit: "objects", description: "objects in the pack" },
      delta_count: { unit: "deltas", description: "those of them stored as deltas" },
      new_delta_count: { unit: "deltas", description: "deltas that were not stored before" },
    },
    metadata: { object_format: { bounded: true, description: "`sha1`, `sha256`" } },
  },
  "repository.maintain": {
    kind: "span",
    description: "A repository is tidied up: packs and loose objects are put together.",
    measurements: {
      joined_count: { unit: "packs", description: "packs that were to be put together" },
      object_count: { unit: "objects", description: "objects in new packs" },
      dropped_count: { unit: "objects", description: "objects that nobody has reached for long, left out" },
      removed_count: { unit: "packs", description: "packs removed" },
    },
    metadata: {
      backend: { bounded: true, description: "`fs`, `memory`, `s3`" },
      kind: { bounded: true, description: "`none`, `roll-up`, `full`" },
    },
  },
  "upload_pack.ls_refs": {
    kind: "span",
    description: "A client is told refs (`ls-refs`, or the advertisement of v0 and v1).",
    measurements: { ref_count: { unit: "refs", description: "refs told" } },
    metadata: {},
  },
  "upload_pack.fetch": {
    kind: "span",
    description: "A client fetches: negotiation and pack of one request.",
    measurements: {
      want_count: { unit: "oids", description: "objects wanted" },
      have_count: { unit: "oids", description: "objects the client said it has" },
      object_count: { unit: "objects", description: "objects sent" },
      pack_size: { unit: "bytes", description: "the pack as sent" },
    },
    metadata: {},
  },
  receive_pack: {
    kind: "span",
    description: "A client pushes: commands, pack and report.",
    measurements: {
      command_count: { unit: "commands", description: "refs the client asked to move" },
      pack_size: { unit: "bytes", description: "the pack as received" },
      rejected_count: { unit: "commands", description: "those of the commands that were refused" },
    },
    metadata: { outcome: { bounded: true, description: "`accepted`, `partial`, `rejected`" } },
  },
  "http.request": {
    kind: "span",
    description: "One HTTP request, from its head to the last byte of the answer.",
    measurements: {
      status: { unit: "code", description: "the answer's status" },
      request_bytes: { unit: "bytes", description: "received, head and body" },
      response_bytes: { unit: "bytes", description: "sent, head and body" },
    },
    metadata: {
      method: { bounded: true, description: "`GET`, `POST`" },
      route: { bounded: true, description: "the pattern that matched, never the path itself" },
      service: { bounded: true, description: "`git-upload-pack`, `git-receive-pack`" },
      repository: { bounded: false, description: "the repository's name" },
    },
  },
  "client.ls_refs": {
    kind: "span",
    description: "A remote repository's refs are asked for, from the request to the last one taken.",
    measurements: { ref_count: { unit: "refs", description: "refs that the server told" } },
    metadata: {
      address: { bounded: false, description: "the repository's address, without credentials" },
      has_head: { bounded: true, description: "whether HEAD was among them" },
    },
  },
  "client.fetch": {
    kind: "span",
    description:
      "Objects are fetched: negotiation and pack of one request, from its start to the pack's end.",
    measurements: {
      want_count: { unit: "oids", description: "objects wanted" },
      have_count: { unit: "oids", description: "objects the server was told of" },
      pack_size: { unit: "bytes", description: "the pack as received" },
    },
    metadata: { address: { bounded: false, description: "the repository's address, without credentials" } },
  },
  "client.push": {
    kind: "span",
    description: "Refs are pushed: commands, pack and report.",
    measurements: {
      command_count: { unit: "commands", description: "refs that were to move" },
      pack_size: { unit: "bytes", description: "the pack as sent" },
      rejected_count: { unit: "commands", description: "those that the server refused" },
    },
    metadata: { address: { bounded: false, description: "the repository's address, without credentials" } },
  },
  "client.retry": {
    kind: "event",
    description: "A request met a transient fault and will be sent again.",
    measurements: {
      attempt: { unit: "attempts", description: "which attempt has failed, from 1" },
      delay_ms: { unit: "milliseconds", description: "how long it will wait" },
    },
    metadata: {
      operation: { bounded: true, description: "`capabilities`, `ls_refs`, `fetch`, `object_info`" },
      fault: { bounded: true, description: "the error's code" },
    },
  },
  "client.ref_rejected": {
    kind: "event",
    description: "A server told of a ref by a name that no ref can have; it is left out.",
    measurements: { ref_count: { unit: "refs", description: "refs left out" } },
    metadata: { ref: { bounded: false, description: "the name, its first 200 characters made printable" } },
  },
  "promisor.fetch": {
    kind: "span",
    description: "Promised objects are fetched, from the request to the last one taken out of the pack.",
    measurements: {
      want_count: { unit: "oids", description: "objects wanted" },
      object_count: { unit: "objects", description: "objects that came" },
      cache_bytes: {
        unit: "bytes",
        description: "contents of the objects in memory then, where they go there",
      },
    },
    metadata: {
      address: { bounded: false, description: "the repository's address, without credentials" },
      filter: { bounded: false, description: "what might be left out" },
    },
  },
  "promisor.resolve": {
    kind: "span",
    description: "An object is asked for by its id, whether it is here or has to be fetched.",
    measurements: { object_bytes: { unit: "bytes", description: "its content" } },
    metadata: {
      oid: { bounded: false, description: "the object's id" },
      outcome: { bounded: true, description: "`here` (in memory), `kept` (in a store), `fetched`" },
    },
  },
  "promisor.open_tree": {
    kind: "span",
    description: "A name is followed to its tree.",
    measurements: {},
    metadata: { name: { bounded: false, description: "the ref or id as it was asked for" } },
  },
  "promisor.read_file": {
    kind: "span",
    description: "A file of a tree is read as a whole.",
    measurements: { file_bytes: { unit: "bytes", description: "its content" } },
    metadata: { path: { bounded: false, description: "the file's path" } },
  },
  "promisor.list": {
    kind: "span",
    description: "A folder of a tree is listed.",
    measurements: { entry_count: { unit: "objects", description: "its entries" } },
    metadata: { path: { bounded: false, description: "the folder's path" } },
  },
  "promisor.walk": {
    kind: "span",
    description: "The files below a folder are listed, from the first ones asked for to the last ones taken.",
    measurements: { file_count: { unit: "objects", description: "files told" } },
    metadata: { path: { bounded: false, description: "the folder's path" } },
  },
  "promisor.prefetch": {
    kind: "span",
    description: "Files, or the history, are brought here before somebody asks for them.",
    measurements: {
      want_count: { unit: "oids", description: "objects wanted, those that were here included" },
    },
    metadata: { kind: { bounded: true, description: "`files`, `history`" } },
  },
  "promisor.grep": {
    kind: "span",
    description: "The files of a tree are searched, from the first hit asked for to the last one taken.",
    measurements: {
      file_count: { unit: "objects", description: "files searched" },
      scanned_bytes: { unit: "bytes", description: "their contents" },
      hit_count: { unit: "lines", description: "lines that matched" },
      pattern_count: { unit: "patterns", description: "patterns searched for in one pass" },
    },
    metadata: {
      pattern: { bounded: false, description: "the pattern, or all of them with commas in between" },
      paths: { bounded: false, description: "which paths are searched, where not all are" },
    },
  },
  "promisor.overfull": {
    kind: "event",
    description: "A cache of promised objects holds more than it may, and nothing in it may be dropped.",
    measurements: {
      cache_bytes: { unit: "bytes", description: "contents of the objects in it" },
      max_bytes: { unit: "bytes", description: "what it may hold" },
    },
    metadata: {
      policy: { bounded: true, description: "what follows: `log` (nothing), `error`, `callback`" },
    },
  },
  "promisor.put": {
    kind: "event",
    description: "An object that was made here is added to a cache.",
    measurements: { object_bytes: { unit: "bytes", description: "its content" } },
    metadata: {
      oid: { bounded: false, description: "the object's id" },
      type: { bounded: true, description: "`blob`, `tree`, `commit`, `tag`" },
    },
  },
  "fuse.mount": {
    kind: "span",
    description: "A file system is mounted, until the kernel has greeted it.",
    measurements: { minor: { unit: "code", description: "the minor version of the protocol" } },
    metadata: {
      directory: { bounded: false, description: "where" },
      passthrough: { bounded: true, description: "whether opens may lead to native files" },
    },
  },
  "fuse.unmount": {
    kind: "span",
    description: "A mount is taken away, until its file system has ended.",
    measurements: {},
    metadata: {
      directory: { bounded: false, description: "where" },
      lazy: { bounded: true, description: "whether those inside may go on" },
    },
  },
  "fuse.requests": {
    kind: "event",
    description: "What a mount has answered of one kind of request within about a second.",
    measurements: {
      request_count: { unit: "requests", description: "requests answered" },
      error_count: { unit: "requests", description: "those of them answered with an error number" },
      slow_count: { unit: "requests", description: "those of them that took 100 ms and more" },
      total_ms: { unit: "milliseconds", description: "how long they took together" },
    },
    metadata: {
      operation: { bounded: true, description: "the kind: `lookup`, `read`, `write`..." },
      directory: { bounded: false, description: "where" },
    },
  },
  "storage.retry": {
    kind: "event",
    description: "A backend met a transient fault, or another writer's lock, and will try again.",
    measurements: {
      attempt: { unit: "attempts", description: "which attempt has failed, from 1" },
      delay_ms: { unit: "milliseconds", description: "how long it will wait" },
    },
    metadata: {
      backend: { bounded: true, description: "`fs`, `memory`, `s3`" },
      operation: { bounded: true, description: "what is tried, such as `lock_ref`" },
    },
  },
} as const;
