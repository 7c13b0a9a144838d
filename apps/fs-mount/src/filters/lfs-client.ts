import type { LfsPointer } from "@millrace/promisor";
import { type CredentialHeaders, gitCredentials, redactUrl } from "@millrace/protocol-v2/client";
import { z } from "zod";
import { MountError } from "../errors.ts";

/** Objects of one request. */
const MAX_BATCH = 100;
/** A server that says nothing for so long is given up, in milliseconds. */
const STALLED_MS = 120_000;
const MAX_ANSWER_BYTES = 4 << 20;
const MEDIA_TYPE = "application/vnd.git-lfs+json";

/** Where an object is to be had (git-lfs: "Batch API", "Basic Transfers"). */
const Download = z.object({ href: z.string(), header: z.record(z.string(), z.string()).optional() });
type Download = z.infer<typeof Download>;
const Answer = z.object({
  transfer: z.string().optional(),
  objects: z.array(
    z.object({
      oid: z.string(),
      authenticated: z.boolean().optional(),
      actions: z.object({ download: Download.optional() }).optional(),
      error: z.object({ message: z.string() }).optional(),
    }),
  ),
});
type Told = z.infer<typeof Answer>["objects"][number];

interface Question extends LfsPointer {
  readonly resolve: (download: Download) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The address of the server that has a repository's files of git-lfs: what is configured, else beside the repository's own.
 * @throws MountError MOUNT_LFS_FAILED where there is none that can be asked
 */
export function lfsEndpoint(url: string, configured: string | undefined): URL {
  const found = configured ?? `${url.replace(/\/+$/, "").replace(/(?:\.git)?$/, ".git")}/info/lfs`;
  if (!/^https?:\/\//i.test(found) || !URL.canParse(found)) {
    throw failed(
      `there is no server of git-lfs for ${redactUrl(url)} that can be asked over HTTP: lfs.url names one`,
    );
  }
  return new URL(found.replace(/\/+$/, ""));
}

/** A client of a git-lfs server: where objects are is asked for together, each is fetched by itself. */
export class LfsClient {
  readonly #endpoint: URL;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  #credential: CredentialHeaders;
  #questions: Question[] = [];

  constructor(endpoint: URL, environment: Readonly<Record<string, string | undefined>>) {
    this.#endpoint = new URL(endpoint);
    this.#environment = environment;
    const { username, password } = this.#endpoint;
    this.#endpoint.username = this.#endpoint.password = "";
    const known =
      password === "" ? undefined : `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#credential =
      known === undefined ? {} : { authorization: `Basic ${Buffer.from(known).toString("base64")}` };
  }

  /** The content of an object, as it comes. Whoever hashes it knows whether it is all of it. Throws MOUNT_LFS_FAILED, and `signal.reason`. */
  async *download(pointer: LfsPointer, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (pointer.sizeBytes === 0) return;
    const { href, header = {} } = await this.#ask(pointer);
    const stop = new AbortController();
    const ends = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    const timer = setTimeout(() => stop.abort(failed("the server of git-lfs says nothing")), STALLED_MS);
    try {
      const answer = await fetch(href, { headers: header, signal: ends });
      if (!answer.ok || answer.body === null) throw failed(`${redactUrl(href)} answers ${answer.status}`);
      for await (const piece of answer.body) {
        timer.refresh();
        yield piece;
      }
    } catch (error) {
      throw asFailure(error);
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }

  /** Where an object is; questions of one moment travel together. */
  #ask(pointer: LfsPointer): Promise<Download> {
    return new Promise((resolve, reject) => {
      this.#questions.push({ ...pointer, resolve, reject });
      if (this.#questions.length > 1) return;
      setImmediate(() => {
        const questions = this.#questions;
        this.#questions = [];
        for (let from = 0; from < questions.length; from += MAX_BATCH)
          void this.#answer(questions.slice(from, from + MAX_BATCH));
      });
    });
  }

  async #answer(questions: readonly Question[]): Promise<void> {
    try {
      const told = new Map((await this.#batch(questions)).map((each) => [each.oid, each]));
      for (const { oid, resolve, reject } of questions) {
        const object = told.get(oid);
        const download = object?.actions?.download;
        if (object === undefined || download === undefined)
          reject(
            failed(`the server of git-lfs has no ${oid}: ${object?.error?.message ?? "it does not say why"}`),
          );
        else resolve(this.#withCredential(object, download));
      }
    } catch (error) {
      for (const { reject } of questions) reject(asFailure(error));
    }
  }

  /** What lets in where objects are asked for lets in to the same place, unless that brings its own. */
  #withCredential({ authenticated }: Told, { href, header = {} }: Download): Download {
    const hasOwn = Object.keys(header).some((name) => name.toLowerCase() === "authorization");
    const isElsewhere = !URL.canParse(href) || new URL(href).origin !== this.#endpoint.origin;
    if (authenticated === true || hasOwn || isElsewhere) return { href, header };
    return { href, header: { ...header, ...this.#credential } };
  }

  async #batch(questions: readonly LfsPointer[]): Promise<readonly Told[]> {
    const url = `${this.#endpoint.href}/objects/batch`;
    const objects = questions.map(({ oid, sizeBytes }) => ({ oid, size: sizeBytes }));
    const body = JSON.stringify({
      operation: "download",
      transfers: ["basic"],
      hash_algo: "sha256",
      objects,
    });
    const post = async (): Promise<Response> =>
      await fetch(url, {
        method: "POST",
        headers: { accept: MEDIA_TYPE, "content-type": MEDIA_TYPE, ...this.#credential },
        body,
        signal: AbortSignal.timeout(STALLED_MS),
      });
    let answer = await post();
    if (answer.status === 401) {
      const helper = gitCredentials({ environment: this.#environment, prompts: false });
      const challenge = answer.headers.get("lfs-authenticate") ?? answer.headers.get("www-authenticate");
      await answer.body?.cancel();
      const credential = await helper.ask(
        this.#endpoint.href,
        challenge === null ? [] : [challenge],
        undefined,
      );
      if (credential === undefined) throw failed(`${url} wants a credential, and git knows none`);
      this.#credential = await credential.headersFor(this.#endpoint.origin);
      answer = await post();
      await helper.tell?.(answer.status !== 401);
    }
    if (!answer.ok) throw failed(`${url} answers ${answer.status}`);
    const parsed = Answer.safeParse(JSON.parse(await textOf(answer)));
    if (!parsed.success) throw failed(`${url} answers what is no answer of git-lfs`, parsed.error);
    const { transfer = "basic", objects: told } = parsed.data;
    if (transfer !== "basic") throw failed(`${url} wants another transfer, ${transfer}`);
    return told;
  }
}

async function textOf({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of body ?? []) {
    sizeBytes += piece.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw failed("the server of git-lfs says too much");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function failed(why: string, cause?: unknown): MountError {
  return new MountError("MOUNT_LFS_FAILED", why, { cause });
}

function asFailure(error: unknown): unknown {
  if (error instanceof MountError) return error;
  return failed("the server of git-lfs cannot be reached, or does not say what can be understood", error);
}
