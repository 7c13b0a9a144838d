import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { connectTo, plainPath, type StateFlag } from "./control.ts";

/** The command line of `redirect`, as text. */
export interface RedirectFlags extends StateFlag {
  readonly bind?: boolean | undefined;
  readonly link?: boolean | undefined;
  readonly undo?: boolean | undefined;
  readonly purge?: boolean | undefined;
}

const Flags = z
  .object({
    bind: z.boolean().default(false),
    link: z.boolean().default(false),
    undo: z.boolean().default(false),
    purge: z.boolean().default(false),
  })
  .refine(({ bind, link, undo }) => Number(bind) + Number(link) + Number(undo) < 2, {
    error: "--bind, --link and --undo exclude each other",
  })
  .refine(({ undo, purge }) => undo || !purge, { error: "--purge goes with --undo" });

/** Puts a directory of a mount on the native disk, or takes it back; without a path it lists all that are there. */
export async function redirect(given: string | undefined, asked: RedirectFlags): Promise<void> {
  const { bind, link, undo, purge } = Flags.parse(asked);
  using client = await connectTo(asked);
  if (given === undefined) {
    for (const { name, redirects } of await client.ask({ command: "status" })) {
      for (const { path, kind, state, folder } of redirects)
        process.stdout.write(`${[name, path, kind, state, folder].join("\t")}\n`);
    }
    return;
  }
  const path = await pathOf(given);
  if (undo) {
    await client.ask({ command: "undo-redirect", path, purge });
    process.stdout.write(
      `${path} is redirected no more; its content is ${purge ? "deleted" : "in the mount"}\n`,
    );
    return;
  }
  const kind = bind ? "bind" : link ? "link" : undefined;
  const { directory, redirects } = await client.ask({ command: "redirect", path, kind });
  const made = redirects.find((each) => join(directory, each.path) === path);
  process.stdout.write(`${path} is at ${made?.folder}, by a ${made?.kind}\n`);
}

/** Without symbolic links on the way; the last name may be one, that of a redirection. */
async function pathOf(given: string): Promise<string> {
  const path = resolve(given);
  return join(await plainPath(dirname(path)), basename(path));
}
