import type { Outbox } from "../outbox.ts";
import { dueNotices, takeNotices } from "../stored-notices.ts";
import type { MemoryRepository } from "./memory-repository.ts";

/** What commits to a repository in memory have left to be told. */
export function createMemoryOutbox(current: () => MemoryRepository): Outbox {
  return {
    isDue: (idleMs) => dueNotices(current().notices, idleMs, Date.now()).length > 0,
    async take(idleMs, { signal } = {}) {
      signal?.throwIfAborted();
      const repository = current();
      const nowMs = Date.now();
      const due = dueNotices(repository.notices, idleMs, nowMs);
      repository.notices = takeNotices(repository.notices, due, nowMs);
      return due.map(({ id, text }) => ({ id, text }));
    },
    settle(id) {
      const repository = current();
      repository.notices = repository.notices.filter((notice) => notice.id !== id);
    },
  };
}
