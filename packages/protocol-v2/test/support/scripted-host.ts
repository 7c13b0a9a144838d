import type { ReceivePackHost, UploadPackHost } from "../../src/index.ts";

export type ScriptedHost = UploadPackHost & ReceivePackHost;

/** A host of whose answers a test changes those it is about; the rest is an empty repository. */
export function scriptedHost(changes: Partial<ScriptedHost> = {}): ScriptedHost {
  return {
    objectFormat: "sha1",
    async *listRefs() {},
    async head() {
      return { symref: "refs/heads/main" };
    },
    async hasObjects(oids) {
      return oids.map(() => true);
    },
    async reachesCommon() {
      return true;
    },
    async *createPack() {
      yield new TextEncoder().encode("PACK");
    },
    async receive(request) {
      return { refs: request.commands.map(({ name }) => ({ name })) };
    },
    async [Symbol.asyncDispose]() {},
    ...changes,
  };
}

/** Cuts bytes where told. */
export async function* cut(bytes: Uint8Array, places: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const place of [...places.map((each) => each % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  )) {
    yield bytes.subarray(from, place);
    from = place;
  }
}

/** A promise and its ends. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A stream that fails before it gives anything, when `reason` settles. */
export function failing(reason: unknown): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve(reason).then((thrown) => Promise.reject(thrown as Error)),
    }),
  };
}
