import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RedirectStatus } from "../redirect/schema.ts";
import type { Check } from "./examine.ts";
import { listMounts } from "../mount-table.ts";
import type { Status } from "./status.ts";

const LOOK_MS = 5000;
const runFile = promisify(execFile);

/** Looks whether a redirection leads where it should. */
export async function redirectHealth(
  { directory }: Status,
  { path, kind, state, folder, error }: RedirectStatus,
): Promise<Omit<Check, "name">> {
  if (state === "broken") return { outcome: "failed", detail: error ?? "broken" };
  if (state !== "shown") return { outcome: "ok", detail: state };
  if (kind === "bind") return { outcome: "ok", detail: folder };
  // Whoever serves the mount may hang, and it may let its owner in alone.
  const mount = (await listMounts()).findLast((mounted) => mounted.directory === directory);
  const target = await runFile("readlink", ["-n", "--", join(directory, path)], {
    cwd: "/",
    ...(process.geteuid?.() === 0 ? mount?.owner : undefined),
    timeout: LOOK_MS,
    killSignal: "SIGKILL",
  }).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
  if (target === folder) return { outcome: "ok", detail: folder };
  const detail = `${join(directory, path)} is no link to ${folder} any more: redirect it again, or undo it`;
  return { outcome: "failed", detail };
}
