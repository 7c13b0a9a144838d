import { type Mount, mount } from "@millrace/fuse";
import { FUSE_WORKER } from "../../worker-files.ts";
import { type ServedSource, serveSource } from "../serve-source.ts";
import type { FuseViewData } from "./worker.ts";

/** Where and how a view is mounted. */
export interface MountViewOptions extends FuseViewData {
  /** An existing directory. */
  readonly directory: string;
  /** In /proc/mounts. */
  readonly name?: string | undefined;
  readonly allowOther?: boolean | undefined;
  readonly source: ServedSource;
}

/**
 * Mounts the files of a tree, read-only. They are served from a thread of their own, which asks this one for what it does not have.
 * @throws FuseError as `mount` does
 */
export async function mountView(options: MountViewOptions): Promise<Mount> {
  const { directory, name, allowOther, source, ...data } = options;
  return await mount({
    directory,
    module: FUSE_WORKER,
    data: data satisfies FuseViewData,
    connect: (port) => serveSource(port, source),
    name,
    allowOther,
    // Who checks permissions asks for attributes first, and those wait for a size. A mount for one user needs no checks.
    defaultPermissions: allowOther === true,
    readOnly: true,
  });
}
