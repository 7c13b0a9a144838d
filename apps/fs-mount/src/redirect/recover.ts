import { finishPurge, finishReturn } from "./move-back.ts";
import { takeBack } from "./move-out.ts";
import type { RedirectHost } from "./redirect-host.ts";
import { show } from "./show.ts";
import type { RedirectRecord } from "./schema.ts";

/**
 * Has a redirection shown after the mount's start, however far it had come before the last one's end: what was copied halfway is thrown away,
 * what was copied whole counts. Each step can be done again when it is itself interrupted, and what counts is never deleted:
 *
 * | phase       | counts, and is whole                                    | goes                                      |
 * | ----------- | ------------------------------------------------------- | ----------------------------------------- |
 * | `filling`   | what is in the mount, at its name or beside it          | the native copy, when that has its name   |
 * | `clearing`  | the native one, synced before the phase was noted       | what stands beside the name, when it shows |
 * | `returning` | the native one                                          | what stands beside the name               |
 * | `returned`  | what stands beside the name, synced before it was noted | the native one, when that has its name    |
 *
 * Throws what stands in the way; it is as it was then.
 */
export async function recover(host: RedirectHost, record: RedirectRecord): Promise<void> {
  switch (record.phase) {
    case "asked":
    case "interrupted":
      return;
    case "filling":
      // Nobody waits for it any more: it is not done again behind the back of who works there now.
      await takeBack(host, record, { ...record, phase: "interrupted" });
      return;
    case "returned":
      await finishReturn(host, record);
      return;
    case "purging":
      await host.at(record).removePoint(host.folderOf(record));
      await finishPurge(host, record);
      return;
    default:
      record.phase satisfies "clearing" | "returning" | "shown";
      await show(host, record);
      if (record.phase === "shown") return;
      await host.at(record).clearAside();
      host.note(record, "shown");
  }
}
