import type { ObjectView, Repository, RepositoryView } from "@millrace/repository";

interface Held {
  readonly view: RepositoryView;
  readonly objects: ObjectView;
  users: number;
  isOld: boolean;
}

/**
 * The newest view of a repository, opened once for many readers. It finds what comes later by itself; a new one takes its
 * place now and then, so that packs which are gone are not held open for ever.
 */
export class HeldView implements AsyncDisposable {
  readonly #repository: Repository;
  #opening: Promise<Held> | undefined;
  #newest: Held | undefined;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  /** The objects of the view that was opened last; `undefined` where there is none yet. Not to be waited with. */
  get now(): ObjectView | undefined {
    return this.#newest?.objects;
  }

  /** Runs with the view, which stays open until then. Throws as opening does. */
  async use<T>(run: (objects: ObjectView, view: RepositoryView) => Promise<T>): Promise<T> {
    const hold = await this.hold();
    try {
      return await run(hold.objects, hold.view);
    } finally {
      await hold[Symbol.asyncDispose]();
    }
  }

  /** The view, which stays open until this is disposed. */
  async hold(): Promise<Pick<Held, "objects" | "view"> & AsyncDisposable> {
    for (;;) {
      const held = await (this.#opening ?? this.#open());
      if (held.isOld) continue;
      held.users++;
      const { objects, view } = held;
      return {
        objects,
        view,
        [Symbol.asyncDispose]: async () => {
          held.users--;
          await closeIfIdle(held);
        },
      };
    }
  }

  /** Opens a new view in place of the last one, which stays until it is there. Throws as opening does. */
  async renew(): Promise<void> {
    const old = this.#opening;
    try {
      await this.#open();
    } finally {
      await this.#close(old);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    const last = this.#opening;
    this.#opening = undefined;
    return this.#close(last);
  }

  #open(): Promise<Held> {
    const opening = open(this.#repository);
    this.#opening = opening;
    opening.then(
      (held) => {
        if (this.#opening === opening) this.#newest = held;
      },
      () => {
        if (this.#opening === opening) this.#opening = undefined;
      },
    );
    return opening;
  }

  async #close(opening: Promise<Held> | undefined): Promise<void> {
    const held = await opening?.catch(() => undefined);
    if (held === undefined) return;
    if (this.#newest === held) this.#newest = undefined;
    held.isOld = true;
    await closeIfIdle(held);
  }
}

async function open(repository: Repository): Promise<Held> {
  const view = await repository.openView();
  try {
    return { view, objects: await view.objects(), users: 0, isOld: false };
  } catch (error) {
    await view[Symbol.asyncDispose]();
    throw error;
  }
}

async function closeIfIdle({ view, users, isOld }: Held): Promise<void> {
  if (isOld && users === 0) await view[Symbol.asyncDispose]();
}
