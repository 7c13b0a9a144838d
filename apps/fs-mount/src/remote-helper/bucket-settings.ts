import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { PlaceSetting } from "../place.ts";
import { HELPER_PROGRAM } from "../worker-files.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a bucket is, as a git directory says it for git's helper. No keys: those are the user's own. */
export interface BucketSettings {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

const runFile = promisify(execFile);

/**
 * What a git directory needs so that git fetches from a bucket and pushes to it: the helper of its remote; how that is found where it is
 * not on the PATH, as an alias, which git tries last; and where the bucket is, as this process knows it.
 */
export function bucketGitSettings(environment: Environment): PlaceSetting[] {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION } = environment;
  const program = [process.execPath, HELPER_PROGRAM].map(quoted).join(" ");
  return [
    { key: "remote.origin.vcs", value: "millrace" },
    { key: "alias.remote-millrace", value: `!${program}` },
    { key: "millrace.endpoint", value: AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL },
    { key: "millrace.region", value: AWS_REGION ?? AWS_DEFAULT_REGION },
  ];
}

/** Reads what the git directory says that git works on, or the command line of git (`-c millrace.endpoint=…`). */
export async function readBucketSettings(environment: Environment): Promise<BucketSettings> {
  const args = ["config", "--null", "--get-regexp", "^millrace\\.(endpoint|region)$"];
  // Status 1: it says nothing.
  const { stdout } = await runFile("git", args, { env: { ...environment } }).catch((error: unknown) => {
    if ((error as { readonly code?: unknown }).code === 1) return { stdout: "" };
    throw error;
  });
  const settings: Record<string, string> = {};
  for (const entry of stdout.split("\0")) {
    const [, name, value] = /^millrace\.(\w+)\n(.*)$/s.exec(entry) ?? [];
    if (name !== undefined && value !== undefined) settings[name] = value;
  }
  return settings;
}

/** The variables that the AWS tools read, with what a git directory says in their place. */
export function bucketEnvironment(
  { endpoint, region }: BucketSettings,
  environment: Environment,
): Environment {
  return {
    ...environment,
    ...(endpoint === undefined ? {} : { AWS_ENDPOINT_URL_S3: endpoint }),
    ...(region === undefined ? {} : { AWS_REGION: region }),
  };
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
