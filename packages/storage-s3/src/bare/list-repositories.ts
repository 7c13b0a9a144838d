import type { OperationOptions } from "@millrace/pack";
import { compareNames, isRepositoryName, ListOptions } from "@millrace/storage";
import type { BarePlace } from "./bare-repository.ts";
import { isClaim } from "./claim.ts";
import { inParallel } from "../in-parallel.ts";

const LOOKS = 16;

/** What lies right below a folder of keys. */
interface Folder {
  /** Names of keys, without the folder's. */
  readonly keys: ReadonlySet<string>;
  /** Whole names of folders, with a slash at the end. */
  readonly folders: readonly string[];
}

/** Names of repositories in byte order, folder by folder; does not go into repositories. */
export async function* listRepositories(
  place: BarePlace,
  options: ListOptions & OperationOptions,
): AsyncGenerator<string> {
  const { signal } = options;
  const { prefix = "", after, limit = Number.POSITIVE_INFINITY } = ListOptions.parse(options);
  let left = limit;
  signal?.throwIfAborted();
  const above = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  for await (const name of walk(await read(above))) {
    if (!name.startsWith(prefix) || (after !== undefined && compareNames(name, after) <= 0)) continue;
    yield name;
    signal?.throwIfAborted();
    if (--left === 0) return;
  }

  async function read(folder: string): Promise<Folder> {
    const { bucket, top } = place;
    const keys = new Set<string>();
    const folders: string[] = [];
    for (let last: string | undefined; ; ) {
      const page = await bucket.list("file", top + folder, last, { delimiter: "/", signal });
      for (const { key } of page.keys) keys.add(key.slice(top.length + folder.length));
      for (const each of page.prefixes) folders.push(each.slice(top.length));
      const ends = [page.keys.at(-1)?.key, page.prefixes.at(-1)].filter((end) => end !== undefined);
      const end = ends.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).at(-1);
      if (page.isLast || end === undefined) return { keys, folders };
      // Behind all that is put together under the last one.
      last = end.endsWith("/") ? `${end}\u{10ffff}` : end;
    }
  }

  async function* walk({ folders }: Folder): AsyncGenerator<string> {
    const wanted = folders.filter(isWanted).sort(compareNames);
    for (let at = 0; at < wanted.length; at += LOOKS) {
      const some = wanted.slice(at, at + LOOKS);
      const found = await inParallel(some, LOOKS, async (folder) => {
        const inside = await read(folder);
        return { inside, isRepository: await isRepository(folder, inside) };
      });
      for (const [index, { inside, isRepository: isOne }] of found.entries()) {
        if (!isOne) yield* walk(inside);
        else yield (some[index] as string).slice(0, -1);
      }
    }
  }

  async function isRepository(folder: string, { keys }: Folder): Promise<boolean> {
    if (!keys.has("HEAD") || !keys.has("config") || !isRepositoryName(folder.slice(0, -1))) return false;
    const head = await place.texts.look(`${place.top}${folder}HEAD`, { signal });
    return head !== undefined && !isClaim(head.value);
  }

  /** Whether this folder, or one below it, can be among the names asked for. */
  function isWanted(folder: string): boolean {
    const name = folder.slice(0, -1);
    if (!name.startsWith(prefix) && !prefix.startsWith(folder)) return false;
    return after === undefined || compareNames(name, after) > 0 || after.startsWith(name);
  }
}
