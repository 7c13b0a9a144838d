import { type Owner, foreignOwner } from "../owner.ts";
import { OwnerDaemon, type OwnerDaemonOptions } from "./owner-daemon.ts";
import type { ControlAnswers, ControlRequest } from "./protocol.ts";
import type { Registration, Row } from "./schema.ts";
import type { Status } from "./status.ts";
import { wordsOf } from "../told-error.ts";

/**
 * The daemons of other users, for a daemon of root's: what is registered for one of them is kept by theirs. The registry of root's says
 * for whom, and that no name and no directory is taken twice.
 */
export class Owners {
  readonly #options: OwnerDaemonOptions;
  readonly #daemons = new Map<string, OwnerDaemon>();

  constructor(options: OwnerDaemonOptions) {
    this.#options = options;
  }

  /** Whose it is, where that is somebody else. Throws MOUNT_OWNER_REFUSED. */
  async of({ uid, gid }: Registration): Promise<OwnerDaemon | undefined> {
    const owner = await foreignOwner(uid, gid);
    return owner === undefined ? undefined : this.#daemonOf(owner);
  }

  #daemonOf(owner: Owner): OwnerDaemon {
    const key = `${owner.uid}-${owner.gid}`;
    const there = this.#daemons.get(key);
    if (there !== undefined) return there;
    const daemon = new OwnerDaemon(owner, this.#options);
    this.#daemons.set(key, daemon);
    return daemon;
  }

  /** Registers with the owner's daemon, for which it is its own. Throws as `OwnerDaemon.ask`. */
  async add(daemon: OwnerDaemon, registration: Registration, signal?: AbortSignal): Promise<Status> {
    const { uid: _uid, gid: _gid, ...own } = registration;
    return await daemon.ask({ command: "add", registration: own }, signal);
  }

  /** Has the owner's daemon run, and know what it should: it was killed before it did, or its folder is gone. */
  async resume(row: Row): Promise<void> {
    const daemon = await this.of(row);
    try {
      await daemon?.ask({ command: "status", name: row.name });
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "MOUNT_UNKNOWN_NAME") throw error;
      const { version: _version, phase: _phase, wanted: _wanted, error: _error, ...registration } = row;
      if (daemon !== undefined) await this.add(daemon, registration);
    }
  }

  /** How it stands with one that is registered; where nobody can tell, that is what it says. */
  async status(daemon: OwnerDaemon, row: Row, signal: AbortSignal): Promise<Status> {
    try {
      const [status] = await daemon.ask({ command: "status", name: row.name }, signal);
      if (status !== undefined) return status;
    } catch (error) {
      return unknown(row, wordsOf(error));
    }
    return unknown(row, "it is not known there");
  }

  /** Asks all daemons that there are. */
  async askAll<Request extends ControlRequest>(
    request: Request,
    signal: AbortSignal,
  ): Promise<readonly ControlAnswers[Request["command"]][]> {
    return await Promise.all([...this.#daemons.values()].map((daemon) => daemon.ask(request, signal)));
  }

  async end(isHurried: AbortSignal): Promise<void> {
    await Promise.all([...this.#daemons.values()].map((daemon) => daemon.end(isHurried)));
  }
}

function unknown(row: Row, error: string): Status {
  return {
    name: row.name,
    state: "failed",
    directory: row.directory,
    url: row.url,
    ref: row.ref,
    head: null,
    commit: null,
    baseCommit: null,
    requiredCommit: row.requireCommit ?? null,
    acquisition: row.requireCommit === undefined ? "not-required" : "pending",
    history: null,
    refreshMs: row.refreshMs,
    ahead: null,
    behind: null,
    diverged: null,
    lastFetch: null,
    lastResult: null,
    error,
    lastFault: null,
    hydratedBlobs: 0,
    hydratedBytes: 0,
    overlayDirty: null,
    redirects: [],
  };
}
