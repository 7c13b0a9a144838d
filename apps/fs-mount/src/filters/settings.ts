import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parseBoolean } from "@millrace/storage";
import { z } from "zod";
import { runGit } from "../git-directory/run-git.ts";
import { parseAttributes } from "./attributes-file.ts";
import { canConvert, type ConversionSettings } from "./conversion.ts";

/** What the user has set that bears on what a checkout writes. */
export interface CheckoutSettings extends ConversionSettings {
  /** Attributes files outside of trees, bytes one to a character: the system's and the user's, which trees overrule. */
  readonly below: readonly string[];
  /** `info/attributes` of the git directory, which overrules all. */
  readonly above: string;
}
export const CheckoutSettings: z.ZodType<CheckoutSettings> = z.object({
  autoCrlf: z.enum(["true", "false", "input"]),
  eol: z.enum(["lf", "crlf"]),
  lfs: z.boolean(),
  below: z.array(z.string()),
  above: z.string(),
});

/** Without settings. */
export const NO_SETTINGS: CheckoutSettings = {
  autoCrlf: "false",
  eol: "lf",
  lfs: false,
  below: [],
  above: "",
};

/** Where git has the system's attributes. */
const SYSTEM_FILE = "/etc/gitattributes";

/** How settings are read. */
export interface SettingsOptions {
  /** The git directory. Where it is not there yet, what is configured elsewhere counts. */
  readonly path: string;
  /** Files of git-lfs are wanted, and not their pointers. */
  readonly lfs: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks git what is configured, for this user and this git directory, and reads attributes files. `undefined` where nothing of it
 * changes what a checkout writes: that is so nearly everywhere. Throws what the disk says, and `signal.reason`.
 */
export async function readSettings(options: SettingsOptions): Promise<CheckoutSettings | undefined> {
  const { path, lfs, environment } = options;
  const config = await readConfig(options);
  const core = (name: string): string | undefined => config.get(`core.${name}`);
  const autoCrlf = core("autocrlf")?.toLowerCase() ?? "false";
  const isSystemRead = !isOn(environment["GIT_ATTR_NOSYSTEM"] ?? "false");
  const files = [
    isSystemRead ? SYSTEM_FILE : undefined,
    userFile(core("attributesfile"), environment),
    join(path, "info", "attributes"),
  ];
  const [system, user, own] = await Promise.all(files.map(readAttributes));
  const settings: CheckoutSettings = {
    autoCrlf: autoCrlf === "input" ? "input" : isOn(autoCrlf) ? "true" : "false",
    eol: core("eol")?.toLowerCase() === "crlf" ? "crlf" : "lf",
    lfs,
    below: [system!, user!].filter((text) => text !== ""),
    above: own!,
  };
  const saysNothing = settings.below.length === 0 && settings.above === "" && !canConvert(settings);
  return saysNothing ? undefined : settings;
}

/** What is configured as the address of a git-lfs server. Throws what the disk says. */
export async function readLfsUrl(options: Omit<SettingsOptions, "signal">): Promise<string | undefined> {
  const config = await readConfig(options);
  return config.get("lfs.url") ?? config.get("remote.origin.lfsurl");
}

/** The last value of each name; of a name without one `true`. Where there is no git, nobody has configured it. */
async function readConfig({ path, signal }: SettingsOptions): Promise<ReadonlyMap<string, string>> {
  const config = new Map<string, string>();
  let listed: string;
  try {
    const isThere = (await stat(path).catch(() => undefined)) !== undefined;
    listed = await runGit({ path: isThere ? path : dirname(path), args: ["config", "--list", "-z"], signal });
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as { readonly code?: unknown }).code !== "MOUNT_GIT_FAILED") throw error;
    return config;
  }
  for (const entry of listed.split("\0")) {
    const [, name = "", value = "true"] = /^([^\n]*)(?:\n(.*))?$/s.exec(entry) ?? [];
    config.set(name, value);
  }
  return config;
}

function isOn(value: string): boolean {
  return parseBoolean(value) === true;
}

function userFile(
  configured: string | undefined,
  environment: SettingsOptions["environment"],
): string | undefined {
  const home = environment["HOME"] ?? homedir();
  if (configured !== undefined) return configured.replace(/^~(?=\/)/, () => home);
  const folder = environment["XDG_CONFIG_HOME"] || join(home, ".config");
  return join(folder, "git", "attributes");
}

/** The text of an attributes file; empty where there is none, or nothing of it matters here. */
async function readAttributes(path: string | undefined): Promise<string> {
  if (path === undefined || path === "") return "";
  let text: string;
  try {
    text = await readFile(path, "latin1");
  } catch (error) {
    // As to git: what cannot be read says nothing.
    const { code } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "EACCES", "EISDIR", "ELOOP"].includes(code ?? "")) return "";
    throw error;
  }
  // A mark of UTF-8 in front.
  const bare = text.startsWith("\xef\xbb\xbf") ? text.slice(3) : text;
  return parseAttributes(bare, { canDefine: true }).lines.length === 0 ? "" : bare;
}
