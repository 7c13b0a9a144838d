import { rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { OperationOptions } from "@millrace/pack";
import {
  checkRepositoryName,
  CreateOptions,
  ListOptions,
  type RepositoryStore,
  type Storage,
  StorageError,
} from "@millrace/storage";
import { capabilitiesOf } from "./capabilities.ts";
import { discardRepository, makeDraft, publishDraft, RESERVED, sweepDrafts } from "./drafts.ts";
import { guarded, guardedItems } from "./files/fault.ts";
import { parseSharedPermission } from "./files/shared-modes.ts";
import { openRepository } from "./fs-repository.ts";
import { createFsStore } from "./fs-store.ts";
import { type InitOptions, initRepository } from "./init-repository.ts";
import { listRepositories } from "./list-repositories.ts";
import { findPlace, type FoundPlace, noRepository, placeAt } from "./place.ts";
import { FsRepositoryOptions, FsStorageOptions } from "./schema.ts";
import { type WriteSettings, writeSettings } from "./write-settings.ts";

/** Options of what is opened once: to compile their check takes longer than the check. */
const PARSED_ONCE = { jitless: true } as const;
const DRAFT_GRACE_MS = 6 * 60 * 60 * 1000;

/**
 * Serves the git repositories below a directory, which git may read and write at the same time. A name finds what
 * git's own servers find for it: `<name>/.git`, `<name>`, `<name>.git/.git`, `<name>.git`, in this order.
 */
export function openFsStorage(options: FsStorageOptions): Storage {
  const {
    root: givenRoot,
    draftGraceMs = DRAFT_GRACE_MS,
    sharedRepository = "umask",
    refFormat = "files",
    ...rest
  } = FsStorageOptions.parse(options, PARSED_ONCE);
  const shared = parseSharedPermission(sharedRepository);
  const root = resolve(givenRoot);
  const settings = writeSettings(rest);

  const find = async (name: string): Promise<FoundPlace> => {
    checkName(name);
    const found = await findPlace(join(root, name));
    if (found === undefined) throw noRepository(name);
    return found;
  };

  const create = async (name: string, given: CreateOptions & OperationOptions): Promise<RepositoryStore> => {
    given.signal?.throwIfAborted();
    const asked = CreateOptions.parse(given);
    checkName(name);
    await checkOutside(root, name);
    const target = join(root, name);
    if ((await findPlace(target)) !== undefined) throw exists(name);
    await sweepDrafts(root, draftGraceMs);
    return createAt(root, { name, target, refFormat, shared, settings }, asked);
  };

  return {
    backend: "fs",
    capabilities: capabilitiesOf(refFormat),
    open: (name, { signal } = {}) =>
      guarded(name, async () => {
        signal?.throwIfAborted();
        const { place, suffix } = await find(name);
        const canonical = suffix.startsWith(".git") ? `${name}.git` : name;
        return createFsStore({ name: canonical, repository: await openRepository(place, settings) });
      }),
    create: (name, given = {}) => guarded(name, () => create(name, given)),
    list(query: ListOptions & OperationOptions = {}) {
      return guardedItems(root, async function* () {
        query.signal?.throwIfAborted();
        yield* listRepositories(root, { ...ListOptions.parse(query), signal: query.signal });
      });
    },
    remove: (name, { signal } = {}) =>
      guarded(name, async () => {
        signal?.throwIfAborted();
        const { suffix } = await find(name);
        if (suffix.endsWith("/.git")) {
          throw new StorageError("STORAGE_UNSUPPORTED", `${name} has a working tree; remove it by hand`, {
            key: name,
          });
        }
        await discardRepository(root, join(root, name + suffix));
      }),
    async [Symbol.asyncDispose]() {},
  };
}

/**
 * Makes an empty repository in a directory, which is made too and appears whole. It is bare unless `config` says otherwise
 * (`core.bare`, `core.worktree`).
 * Throws `STORAGE_EXISTS` where something lies there, `STORAGE_FORBIDDEN`; ZodError where the options are malformed.
 */
export async function createFsRepository(
  directory: string,
  options: FsRepositoryOptions & CreateOptions = {},
): Promise<RepositoryStore> {
  const target = resolve(directory);
  return guarded(target, async () => {
    const settings = writeSettings(FsRepositoryOptions.parse(options, PARSED_ONCE));
    const place = {
      name: basename(target),
      target,
      refFormat: "files" as const,
      shared: parseSharedPermission("umask"),
      settings,
    };
    return createAt(dirname(target), place, CreateOptions.parse(options));
  });
}

/** Where a new repository goes, and how it is written. */
interface NewPlace extends Pick<InitOptions, "refFormat" | "shared"> {
  readonly name: string;
  readonly target: string;
  readonly settings: WriteSettings;
}

/** Makes a repository below `root` and puts it in its place, or has its first commit do so. */
async function createAt(root: string, place: NewPlace, asked: CreateOptions): Promise<RepositoryStore> {
  const { name, target, refFormat, shared, settings } = place;
  const { objectFormat = "sha1", head = "refs/heads/main", onFirstCommit = false, config = [] } = asked;
  const draft = await makeDraft(root);
  try {
    await initRepository(draft, { objectFormat, refFormat, head, shared, config });
    const paths = { gitDir: draft, commonDir: draft };
    const repository = await openRepository(paths, settings);
    if (onFirstCommit) return createFsStore({ name, repository, publishAt: target });
    if (!(await publishDraft(draft, target, settings.fsync))) throw exists(name);
    paths.gitDir = target;
    paths.commonDir = target;
    return createFsStore({ name, repository });
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Opens the repository in one directory, found as by `openFsStorage`, or with `strict` at just that path.
 * Throws `STORAGE_NOT_FOUND`, `STORAGE_UNSUPPORTED`, `STORAGE_CORRUPT`, `STORAGE_FORBIDDEN`.
 */
export async function openFsRepository(
  directory: string,
  options: FsRepositoryOptions = {},
): Promise<RepositoryStore> {
  const path = resolve(directory);
  return guarded(path, async () => {
    const { strict = false, ...rest } = FsRepositoryOptions.parse(options, PARSED_ONCE);
    const place = strict ? await placeAt(path) : (await findPlace(path))?.place;
    if (place === undefined) throw noRepository(path);
    return createFsStore({
      name: basename(path) || path,
      repository: await openRepository(place, writeSettings(rest)),
    });
  });
}

function checkName(name: string): void {
  checkRepositoryName(name);
  if (name.split("/").some((part) => part.startsWith(RESERVED))) {
    throw new StorageError("STORAGE_BAD_NAME", `${name} is reserved`, { key: name });
  }
}

/** Throws `STORAGE_BAD_NAME` for a name inside another repository. */
async function checkOutside(root: string, name: string): Promise<void> {
  const parts = name.split("/");
  for (let length = 1; length < parts.length; length++) {
    const above = parts.slice(0, length).join("/");
    if (
      (await placeAt(join(root, above))) !== undefined ||
      (await placeAt(join(root, above, ".git"))) !== undefined
    ) {
      throw new StorageError("STORAGE_BAD_NAME", `${name} lies inside the repository ${above}`, {
        key: name,
      });
    }
  }
}

function exists(name: string): StorageError {
  return new StorageError("STORAGE_EXISTS", `there is a repository ${name} already`, { key: name });
}
