import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { Oid } from "@millrace/pack";
import { MountError } from "../errors.ts";
import { objectOf } from "../filters/content-id.ts";
import type { OverlayStatistics } from "../overlay/overlay-store.ts";
import type { OverlayView } from "../overlay/overlay-view.ts";

/** What lies below the local changes of a mount, and how many there are. */
export interface ViewState extends OverlayStatistics {
  readonly tree: Oid;
}

/** A view in another thread, as the main thread commands it. */
export interface ViewControl {
  /** Lets another tree lie below; nothing that shows changes. Throws what reading trees throws. */
  rebase(tree: Oid): Promise<void>;
  state(): Promise<ViewState>;
  /** As `ViewChanges.beginning`. */
  beginning(): Promise<string | undefined>;
}

type Command =
  | { readonly id: number; readonly command: "rebase"; readonly tree: Oid }
  | { readonly id: number; readonly command: "state" }
  | { readonly id: number; readonly command: "beginning" };
type Asked = Command extends infer C ? (C extends Command ? Omit<C, "id"> : never) : never;
type Outcome =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | undefined } };

/**
 * Opens a control over the port to a view's thread, before anything else goes through that.
 * @returns the control, whose commands end with MOUNT_STOPPED when the thread has ended
 */
export function openControl(port: MessagePort): ViewControl {
  const { port1, port2 } = new MessageChannel();
  port.postMessage({ control: port2 }, [port2]);
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let isClosed = false;
  const stopped = (): Error => new MountError("MOUNT_STOPPED", "the mount has ended");
  port1.on("message", (outcome: Outcome) => {
    const waiter = waiting.get(outcome.id);
    waiting.delete(outcome.id);
    if (waiting.size === 0) port1.unref();
    if ("error" in outcome)
      waiter?.reject(Object.assign(new Error(outcome.error.message), { code: outcome.error.code }));
    else waiter?.resolve(outcome.value);
  });
  port1.on("close", () => {
    isClosed = true;
    for (const { reject } of waiting.values()) reject(stopped());
    waiting.clear();
  });
  port1.unref();
  const ask = async (command: Asked): Promise<unknown> => {
    if (isClosed) throw stopped();
    const id = ++lastId;
    return await new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      port1.ref();
      port1.postMessage({ ...command, id } satisfies Command);
    });
  };
  return {
    async rebase(tree) {
      await ask({ command: "rebase", tree });
    },
    state: async () => (await ask({ command: "state" })) as ViewState,
    beginning: async () => (await ask({ command: "beginning" })) as string | undefined,
  };
}

/** Does what a control in another thread asks for, for as long as the port is open. */
export function serveControl(port: MessagePort, view: OverlayView): void {
  const perform = async (command: Command): Promise<unknown> => {
    if (command.command === "state")
      return { ...view.store.statistics, tree: view.tree && objectOf(view.tree) };
    if (command.command === "beginning") return view.changes.beginning;
    if (view.tree !== command.tree) await view.reconcile(command.tree);
    return undefined;
  };
  port.once("message", ({ control }: { readonly control: MessagePort }) => {
    const answer = async (command: Command): Promise<void> => {
      const { id } = command;
      let outcome: Outcome;
      try {
        outcome = { id, value: await perform(command) };
      } catch (error) {
        const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
        outcome = {
          id,
          error: { message: String(message), code: typeof code === "string" ? code : undefined },
        };
      }
      control.postMessage(outcome, []);
    };
    control.on("message", (command: Command) => void answer(command));
    control.unref();
    port.on("close", () => control.close());
  });
}
