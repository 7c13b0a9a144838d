import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { MeasuredRepository } from "./repositories/measured-repository.ts";
import type { ServerUnderTest } from "./servers/server-under-test.ts";
import { startGitHttpBackend, startMillrace } from "./servers/subjects.ts";

/** What a case works with. */
export interface Lab {
  readonly repository: MeasuredRepository;
  /** Do little: see `BenchOptions.quick`. */
  readonly quick: boolean;
  /** An empty folder in the bench's temporary folder; its user may remove it. */
  folder(name: string): Promise<string>;
  /** Starts our server; `memory` names the place it remembers things in between runs. Default: one for all. */
  startMillrace(root: string, memory?: string): Promise<ServerUnderTest>;
  /** `config` counts for whatever it serves. */
  startGit(root: string, config?: Readonly<Record<string, string>>): Promise<ServerUnderTest>;
  /** The home folder of our processes. */
  home(memory?: string): Promise<string>;
}

export interface LabOptions {
  readonly scratch: string;
  readonly repository: MeasuredRepository;
  readonly quick: boolean;
  readonly profile?: string | undefined;
}

/** Sets up the place where cases are run. */
export function createLab({ scratch, repository, quick, profile }: LabOptions): Lab {
  let folders = 0;
  const home = async (memory = "home"): Promise<string> => {
    const path = join(scratch, "homes", memory);
    await mkdir(path, { recursive: true });
    return path;
  };
  return {
    repository,
    quick,
    home,
    async folder(name) {
      const path = join(scratch, `${name}-${++folders}`);
      await mkdir(path, { recursive: true });
      return path;
    },
    startMillrace: async (root, memory) => startMillrace(root, { home: await home(memory), profile }),
    startGit: startGitHttpBackend,
  };
}

/** Brings a file into the page cache. */
export async function warmFile(path: string): Promise<void> {
  for await (const _ of createReadStream(path, { highWaterMark: 1 << 20 }));
}
