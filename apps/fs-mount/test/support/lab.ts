import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Mount } from "@millrace/fuse";
import * as lab from "@millrace/git-lab";
import { parseCommit } from "@millrace/pack";
import { createPromisor, type ObjectSource, openRemoteSource, SharedPromisor } from "@millrace/promisor";
import { openDirectoryTransport, openRemote } from "@millrace/protocol-v2/client";
import { mountView, type ViewPlace } from "../../src/front/fuse/mount-view.ts";
import type { FuseViewData } from "../../src/front/fuse/worker.ts";
import {
  mountRepository,
  type RepositoryMount,
  type RepositoryMountOptions,
} from "../../src/mount-repository.ts";
import { openPlace, type Place } from "../../src/place.ts";
import { openBlobCache } from "../../src/cache/blob-cache.ts";
import { Hydrator } from "../../src/hydrator/hydrator.ts";
import { openPromisorSource } from "../../src/hydrator/promisor-source.ts";
import { afterAll, beforeEach } from "vitest";
import { git, GIT_ENVIRONMENT } from "./repository.ts";

/** Why no test can mount here, or `undefined` where one can. */
export function whyNot(): string | undefined {
  if (!existsSync("/dev/fuse")) return "there is no /dev/fuse: NOTHING OF A MOUNTED REPOSITORY IS TESTED";
  if (process.geteuid?.() !== 0)
    return "these tests mount as root: NOTHING OF A MOUNTED REPOSITORY IS TESTED";
  return undefined;
}

/** A mounted view, and what it has asked for. */
export interface MountedView {
  readonly mount: Mount;
  readonly directory: string;
  /** Objects that each request has asked for. */
  readonly requests: string[][];
  readonly faults: unknown[];
}

/** A mounted repository, and what it has asked for. */
export interface MountedRepository {
  readonly mounted: RepositoryMount;
  readonly directory: string;
  readonly requests: string[][];
  readonly faults: unknown[];
}

type MountFolders = Pick<RepositoryMountOptions, "directory" | "stateFolder" | "cacheFolder">;

/** Mounts and folders of one file of tests; `end` takes all of them away, whatever has happened. */
export class Lab {
  readonly #folders: string[] = [];
  readonly #mounts: Mount[] = [];
  readonly #repositories: RepositoryMount[] = [];
  readonly #mounting: Promise<unknown>[] = [];
  readonly #remotes: AsyncDisposable[] = [];

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "millrace-mount-"));
    this.#folders.push(folder);
    return folder;
  }

  keep(folder: string): string {
    this.#folders.push(folder);
    return folder;
  }

  /** Mounts the head of a repository from a source; by default its own, through git's upload-pack. */
  async mountView(
    repository: string,
    through: (source: ObjectSource) => ObjectSource = (s) => s,
    given: Partial<ViewPlace & FuseViewData> = {},
  ): Promise<MountedView> {
    const remote = openRemote(openDirectoryTransport(repository));
    this.#remotes.push(remote);
    const requests: string[][] = [];
    const source = openRemoteSource(remote);
    const counted: ObjectSource = {
      ...source,
      fetch: (wants, options) => {
        requests.push([...wants]);
        return source.fetch(wants, options);
      },
    };
    const objects = new SharedPromisor(await createPromisor(through(counted)));
    const head = await objects.resolve(git(repository, ["rev-parse", "HEAD"]));
    const faults: unknown[] = [];
    const cache = await openBlobCache({ folder: this.folder() });
    const blobs = new Hydrator({ cache, source: openPromisorSource(objects), stallMs: 2000 });
    this.#remotes.push(blobs);
    const directory = this.folder();
    const { allowOther, trusted, ...view } = given;
    const where = { directory, allowOther, trusted, readOnly: given.overlayFolder === undefined };
    const mount = await mountView(where, {
      view: {
        format: objects.format,
        tree: parseCommit(head.content, objects.format).tree,
        mtimeSeconds: 1_700_000_000,
        gitFile: undefined,
        uid: 0,
        gid: 0,
        ...view,
      },
      source: {
        tree: async (oid) => ({ content: (await objects.resolve(oid)).content }),
        blobs,
        onFault: (error) => faults.push(error),
      },
    });
    mount.ended.catch(() => undefined);
    this.#mounts.push(mount);
    return { mount, directory, requests, faults };
  }

  /** Mounts a repository with its git directory, and waits until git works inside. */
  async mountRepository(
    address: string,
    given: Partial<RepositoryMountOptions> & {
      readonly through?: ((source: ObjectSource) => ObjectSource) | undefined;
    } = {},
  ): Promise<MountedRepository> {
    const { through = (source: ObjectSource) => source, ...options } = given;
    const place = await openPlace(address, process.env);
    this.#remotes.push(place);
    const requests: string[][] = [];
    const faults: unknown[] = [];
    const { source } = place;
    const counted: ObjectSource = {
      ...source,
      fetch: (wants, how) => {
        requests.push([...wants]);
        return source.fetch(wants, how);
      },
      fetchPack:
        source.fetchPack &&
        ((wants, how) => {
          requests.push([...wants]);
          return source.fetchPack!(wants, how);
        }),
    };
    const mounting = mountRepository({
      place: { ...place, source: through(counted) } satisfies Place,
      name: "HEAD",
      ...this.folders(),
      onFault: (error) => faults.push(error),
      ...options,
    });
    this.#mounting.push(mounting.catch(() => undefined));
    const mounted = await mounting;
    this.#repositories.push(mounted);
    await mounted.ready;
    await mounted.history;
    return { mounted, directory: mounted.directory, requests, faults };
  }

  /** Where a repository is mounted, and what is kept for it: a mount of the same folders is the same again. */
  folders(): MountFolders {
    return { directory: this.folder(), stateFolder: this.folder(), cacheFolder: this.folder() };
  }

  async end(): Promise<void> {
    // A test that has taken too long may still be mounting: this process must not look into what it does not serve yet.
    await Promise.all(this.#mounting);
    for (const mounted of this.#repositories) await mounted[Symbol.asyncDispose]();
    // Whatever a failed test left inside hangs nothing.
    for (const mounted of this.#mounts) await mounted.abort();
    for (const remote of this.#remotes) await remote[Symbol.asyncDispose]();
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The lab of a file of tests, which ends with them.
 * @param missing - why these tests cannot run here; all of them are skipped and say so
 */
export function useLab(missing: string | undefined = whyNot()): Lab {
  const lab = new Lab();
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });
  afterAll(() => lab.end());
  return lab;
}

/**
 * Runs a program beside this process. A mount must never be used synchronously by the process that serves it: a small shell changes into
 * the folder, and starts what may lie in a mount.
 * @throws with what it said
 */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, timeoutMs = 60_000, env }: { cwd?: string; timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { status, stdout, stderr } = await lab.run(command, args, {
    cwd,
    timeoutMs,
    env: { ...GIT_ENVIRONMENT, ...env },
  });
  if (status === 0) return stdout.toString();
  throw new Error(`${command} ${args.join(" ")}: status ${status}\n${stderr.toString()}${stdout.toString()}`);
}
