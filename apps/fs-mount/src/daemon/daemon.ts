import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openBlobCache } from "../cache/blob-cache.ts";
import { MountError } from "../errors.ts";
import { makeFolder } from "../make-folder.ts";
import { lockStateFolder } from "../overlay/state-lock.ts";
import { isWithin } from "../path-below.ts";
import { RedirectPath } from "../redirect/schema.ts";
import { waitFor } from "../view/wait.ts";
import { serveControl } from "./control-server.ts";
import { describe } from "./describe.ts";
import { Keeper } from "./keeper.ts";
import { leaveState } from "./leave-state.ts";
import { Owners } from "./owners.ts";
import type { ControlAnswers, ControlRequest, Tally } from "./protocol.ts";
import { prefetchBelow } from "./prefetch.ts";
import { Registry, unknownName } from "./registry.ts";
import type { Row } from "./schema.ts";
import { chooseSocketPath } from "./socket-path.ts";
import type { Status } from "./status.ts";
import { wordsOf } from "../told-error.ts";

/** How a daemon runs. */
export interface DaemonOptions {
  /** The folder that this daemon has to itself; it is made. */
  readonly stateFolder: string;
  /** Where repositories are mounted for which nobody says a directory. */
  readonly mountRoot: string;
  readonly cacheFolder: string;
  readonly cacheBytes?: number | undefined;
  /** The first wait before a mount that failed is tried again, in milliseconds. */
  readonly retryMs: number;
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: (text: string) => void;
}

/** Between two tries to unmount what somebody uses, in milliseconds. */
const BUSY_MS = 1000;
/** How long a lazy unmount waits for those who are inside. */
const LEAVE_MS = 10_000;
const NOTHING: Tally = { count: 0, bytes: 0 };

type Asked<Command extends ControlRequest["command"]> = Extract<
  ControlRequest,
  { readonly command: Command }
>;

/**
 * Starts the daemon of a state folder: mounts all that is registered, keeps it mounted, and does what it is asked over its socket.
 *
 * All mounts are served by one process: they share the cache's books, the memory for packs and the connections, and one command
 * reaches all of them. Each has a thread of its own for the kernel, and a keeper of its own that lets no fault out. Mounts of other
 * users are kept by daemons of theirs, which this one starts and passes requests on to.
 *
 * @throws MountError MOUNT_STATE_LOCKED where one runs already, MOUNT_STATE_UNLOCKABLE, MOUNT_BAD_STATE, MOUNT_SOCKET_PATH; what the
 *   disk says
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  await makeFolder(options.stateFolder);
  const stateFolder = await realpath(options.stateFolder);
  const socketPath = chooseSocketPath(stateFolder, options.environment);
  const unlock = lockStateFolder(stateFolder);
  try {
    await mkdir(options.mountRoot, { recursive: true });
    const mountRoot = await realpath(options.mountRoot);
    const settled = { ...options, stateFolder, mountRoot };
    const daemon = new Daemon(settled, socketPath, new Registry(stateFolder), unlock);
    await daemon.listen();
    return daemon;
  } catch (error) {
    unlock();
    throw error;
  }
}

/** A running daemon. */
export class Daemon {
  /** Where it listens. */
  readonly socketPath: string;
  readonly #options: DaemonOptions;
  readonly #registry: Registry;
  readonly #keepers = new Map<string, Keeper>();
  readonly #owners: Owners;
  readonly #unlock: () => void;
  #control: AsyncDisposable | undefined;

  /** @internal Use `startDaemon`. */
  constructor(options: DaemonOptions, socketPath: string, registry: Registry, unlock: () => void) {
    this.socketPath = socketPath;
    this.#options = options;
    this.#registry = registry;
    this.#unlock = unlock;
    this.#owners = new Owners(options);
  }

  /** @internal */
  async listen(): Promise<void> {
    this.#control = await serveControl(this.socketPath, (request, signal) => this.#perform(request, signal));
    for (const row of this.#registry.rows()) void this.#resume(row);
  }

  /**
   * Takes all mounts away and ends; what is registered stays. What somebody uses is tried again until `isHurried` aborts: then
   * its name is taken away, and who is inside has a moment to leave.
   */
  async end(isHurried: AbortSignal): Promise<void> {
    await this.#control?.[Symbol.asyncDispose]();
    await Promise.all([
      this.#owners.end(isHurried),
      ...[...this.#keepers.values()].map((keeper) => this.#endKeeper(keeper, isHurried)),
    ]);
    this.#unlock();
  }

  async #resume(row: Row): Promise<void> {
    try {
      if ((await this.#owners.of(row)) === undefined) await this.#keep(row.name).start();
      else await this.#owners.resume(row);
    } catch (error) {
      this.#options.log(`${row.name}: ${wordsOf(error)}`);
    }
  }

  async #endKeeper(keeper: Keeper, isHurried: AbortSignal): Promise<void> {
    const { name } = keeper.row;
    for (let tries = 0; ; tries++) {
      const lazy = isHurried.aborted;
      try {
        const ending = keeper.end(lazy);
        await (lazy ? Promise.race([ending, sleep(LEAVE_MS, undefined, { ref: false })]) : ending);
        break;
      } catch (error) {
        if (lazy) {
          this.#options.log(`${name}: ${wordsOf(error)}`);
          break;
        }
        if (tries === 0) this.#options.log(`${name}: ${wordsOf(error)}; a second signal takes it away`);
        await sleep(BUSY_MS, undefined, { signal: isHurried }).catch(() => undefined);
      }
    }
    await keeper.abort();
  }

  #keep(name: string): Keeper {
    const row = this.#registry.get(name);
    if (row === undefined) throw unknownName(name);
    const { stateFolder, cacheFolder, cacheBytes, retryMs, environment, log } = this.#options;
    const keeper = new Keeper(row, {
      stateFolder: join(stateFolder, "mounts", name),
      cacheFolder,
      cacheBytes,
      retryMs,
      environment,
      log,
      write: (before, change) => this.#registry.change(name, before.version, change),
    });
    this.#keepers.set(name, keeper);
    return keeper;
  }

  #keeper(name: string): Keeper {
    const keeper = this.#keepers.get(name);
    if (keeper === undefined) throw unknownName(name);
    return keeper;
  }

  /** The one in whose mount a path is, and the path in it. Throws MOUNT_UNKNOWN_NAME. */
  #at(path: string): { readonly keeper: Keeper; readonly below: string } {
    const keeper = [...this.#keepers.values()].find(({ row }) => isWithin(path, row.directory));
    if (keeper === undefined)
      throw new MountError("MOUNT_UNKNOWN_NAME", `${path} is in no mount of this daemon`);
    return { keeper, below: path.slice(keeper.row.directory.length + 1) };
  }

  /** Those of this daemon's own that are meant: one, or all. */
  #meant(name: string | undefined): readonly Keeper[] {
    return name === undefined ? [...this.#keepers.values()] : [this.#keeper(name)];
  }

  /** The row that a request is about, where it is about one. */
  #rowOf(request: ControlRequest): Row | undefined {
    if ("path" in request)
      return this.#registry.rows().find(({ directory }) => isWithin(request.path, directory));
    return "name" in request && request.name !== undefined ? this.#registry.get(request.name) : undefined;
  }

  async #perform(request: ControlRequest, signal: AbortSignal): Promise<unknown> {
    const row = this.#rowOf(request);
    const theirs = row && (await this.#owners.of(row));
    if (theirs !== undefined && row !== undefined) {
      if (request.command === "status") return [await this.#owners.status(theirs, row, signal)];
      const answer = await theirs.ask(request, signal);
      if (request.command === "remove") this.#registry.remove(row.name, row.version);
      return answer;
    }
    switch (request.command) {
      case "ping":
        return { version: this.#options.version, pid: process.pid, mountRoot: this.#options.mountRoot };
      case "status":
        return await this.#status(request.name, signal);
      case "add":
        return await this.#add(request, signal);
      case "remove":
        return await this.#remove(request);
      case "prefetch":
        return await this.#prefetch(request, signal);
      case "redirect":
      case "undo-redirect":
        return await this.#redirect(request, signal);
      case "evict":
        return await this.#evict(request, signal);
      case "gc":
        return await this.#gc(request, signal);
      default: {
        const keeper = this.#keeper(request.name);
        await this.#performOn(keeper, request, signal);
        return await describe(keeper, signal);
      }
    }
  }

  async #performOn(
    keeper: Keeper,
    request: Asked<"wait"> | Asked<"prepare" | "fetch"> | Asked<"remount" | "unmount"> | Asked<"set-refresh">,
    signal: AbortSignal,
  ): Promise<void> {
    switch (request.command) {
      case "wait":
        return await keeper.settled(request.until, signal);
      case "prepare": {
        const { name, version } = keeper.row;
        await keeper.prepare(() => this.#registry.renew(name, version));
        return await keeper.settled("ready", signal);
      }
      case "fetch":
        await keeper.look();
        return;
      case "remount":
        await keeper.remount(request.lazy);
        return await keeper.settled("ready", signal);
      case "unmount":
        return await keeper.takeDown(request.lazy);
      case "set-refresh":
        return keeper.setRefresh(request.refreshMs);
    }
  }

  async #add({ registration }: Asked<"add">, signal: AbortSignal): Promise<ControlAnswers["add"]> {
    const theirs = await this.#owners.of(registration);
    if (theirs !== undefined) {
      // First theirs: what cannot be had is not registered.
      await theirs.start();
      this.#registry.add(registration);
      return await this.#owners.add(theirs, registration, signal);
    }
    const { name } = this.#registry.add(registration);
    const there = this.#keepers.get(name);
    if (there === undefined) await this.#keep(name).start();
    else {
      await there.redirect(registration.redirects ?? []);
      void there.bringUp().catch(() => undefined);
    }
    return await describe(this.#keeper(name), signal);
  }

  async #status(name: string | undefined, signal: AbortSignal): Promise<readonly Status[]> {
    if (name !== undefined) return [await describe(this.#keeper(name), signal)];
    const one = async (row: Row): Promise<Status> => {
      const theirs = await this.#owners.of(row);
      if (theirs !== undefined) return await this.#owners.status(theirs, row, signal);
      return await describe(this.#keeper(row.name), signal);
    };
    return await Promise.all(this.#registry.rows().map(one));
  }

  async #remove({ name, purge, lazy }: Asked<"remove">): Promise<null> {
    const keeper = this.#keeper(name);
    await keeper.takeDown(lazy);
    this.#registry.remove(name, keeper.row.version);
    this.#keepers.delete(name);
    await keeper.end(lazy);
    await leaveState(keeper, purge, this.#options.log);
    return null;
  }

  /** Brings all files at or below a path of the mounted commit here, and waits for them. */
  async #prefetch({ path }: Asked<"prefetch">, signal: AbortSignal): Promise<ControlAnswers["prefetch"]> {
    const { keeper, below } = this.#at(path);
    return { name: keeper.row.name, ...(await prefetchBelow(keeper.mounted(), below, signal)) };
  }

  /** Puts a directory of a mount on the native disk, or takes it back. */
  async #redirect(request: Asked<"redirect"> | Asked<"undo-redirect">, signal: AbortSignal): Promise<Status> {
    const { keeper, below } = this.#at(request.path);
    const path = RedirectPath.parse(below);
    const { ready, redirects } = keeper.mounted();
    await waitFor(ready, signal);
    if (request.command === "redirect") await redirects.add({ path, kind: request.kind });
    else await redirects.undo(path, request.purge);
    return await describe(keeper, signal);
  }

  /** Drops contents of files that can be fetched again: from the git directories, and from the cache that all share. */
  async #evict({ name, keepBytes }: Asked<"evict">, signal: AbortSignal): Promise<ControlAnswers["evict"]> {
    let gitDirectories = NOTHING;
    for (const { mount } of this.#meant(name)) {
      if (mount !== undefined) gitDirectories = sum(gitDirectories, await mount.parts.git.evict());
    }
    let cache = await this.#trim(keepBytes);
    const theirs =
      name === undefined ? await this.#owners.askAll({ command: "evict", keepBytes }, signal) : [];
    for (const answer of theirs) {
      cache = sum(cache, answer.cache);
      gitDirectories = sum(gitDirectories, answer.gitDirectories);
    }
    return { cache, gitDirectories };
  }

  /** Puts packs together, and brings the cache within its limit. */
  async #gc({ name }: Asked<"gc">, signal: AbortSignal): Promise<ControlAnswers["gc"]> {
    let [packsBefore, packsAfter] = [0, 0];
    for (const { mount } of this.#meant(name)) {
      if (mount === undefined) continue;
      const { before, after } = await mount.parts.git.consolidate();
      packsBefore += before;
      packsAfter += after;
    }
    let cache = await this.#trim(undefined);
    for (const answer of name === undefined ? await this.#owners.askAll({ command: "gc" }, signal) : []) {
      cache = sum(cache, answer.cache);
      packsBefore += answer.packsBefore;
      packsAfter += answer.packsAfter;
    }
    return { cache, packsBefore, packsAfter };
  }

  async #trim(keepBytes: number | undefined): Promise<Tally> {
    const { cacheFolder: folder, cacheBytes: maxBytes } = this.#options;
    return await (await openBlobCache({ folder, maxBytes })).evict(keepBytes);
  }
}

function sum(one: Tally, other: Tally): Tally {
  return { count: one.count + other.count, bytes: one.bytes + other.bytes };
}
