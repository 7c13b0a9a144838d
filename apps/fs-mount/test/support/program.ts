import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the repository that these tests are in. */
export const CHECKOUT: string = fileURLToPath(new URL("../../../../", import.meta.url));

/** What Node is given to run a program from its sources in a checkout, before the program's own arguments. */
export function fromSources(program: string | URL, checkout: string = CHECKOUT): readonly string[] {
  const register = join(checkout, "scripts/typescript-threads.js");
  const path = typeof program === "string" ? program : fileURLToPath(program);
  return ["--conditions", "@millrace/source", "--import", register, path];
}

/** Programs run as they are built, as users have them, where a build went before the tests; else from the sources. */
const IS_BUILT = process.env["MILLRACE_BUILT"] === "1";

/** What Node is given to run git's helper for buckets. */
export const HELPER: readonly string[] = IS_BUILT
  ? [join(CHECKOUT, "apps/fs-mount/dist/git-remote-millrace.js")]
  : fromSources(join(CHECKOUT, "apps/fs-mount/src/git-remote-millrace.ts"));

/** What Node is given to run `millrace-mount`, in a checkout that lies somewhere else for whoever starts it. */
export function mountOf(checkout: string): readonly string[] {
  const app = join(checkout, "apps/fs-mount");
  return IS_BUILT ? [join(app, "dist/cli.js")] : fromSources(join(app, "src/cli.ts"), checkout);
}

/** The same of `millrace-mount` here. */
export const MOUNT: readonly string[] = mountOf(CHECKOUT);
