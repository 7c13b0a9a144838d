/**
 * How tests find the sources of packages, and the code of threads. A thread that Node loads from the sources takes four times as long to
 * start as the built one, most of it for the loader, so where a build went before the tests threads are those that users have.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The condition of `exports` under which a package's sources are found. */
export const SOURCE = "@millrace/source";

/** Whether a build went before the tests. */
export const isBuilt: boolean = process.env.MILLRACE_BUILT === "1";

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** Where Vite finds what is imported by a name. */
interface Alias {
  readonly find: RegExp;
  readonly replacement: string;
}

/** Where what one package imports of another is found: one for each export with sources. */
export function sourceAliases(): Alias[] {
  return ["packages", "apps"].flatMap((top) => {
    const folder = fileURLToPath(new URL(`../${top}`, import.meta.url));
    return readdirSync(folder).flatMap((name) => aliasesOf(join(folder, name)));
  });
}

function aliasesOf(folder: string): Alias[] {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return [];
  const { name, exports = {} } = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  return Object.entries(exports).flatMap(([path, target]) => {
    const source = typeof target === "string" ? target : target[SOURCE];
    if (source?.endsWith(".ts") !== true) return [];
    return [{ find: new RegExp(`^${name}${path.slice(1)}$`), replacement: join(folder, source) }];
  });
}

/** Has the files that say where the code of threads is say where it is built: they are at the top of `src`, as that is of `dist`. */
export const builtThreads = {
  name: "built-threads",
  enforce: "pre",
  transform(code: string, id: string): string | undefined {
    if (!isBuilt || !/\/src\/worker-files?\.ts$/.test(id)) return undefined;
    const built = pathToFileURL(id.replace("/src/worker-", "/dist/worker-").replace(/\.ts$/, ".js"));
    return code.replaceAll("import.meta.url", JSON.stringify(built.href));
  },
} as const;
