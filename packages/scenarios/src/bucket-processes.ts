import { spawn } from "node:child_process";
import { environmentOf, type TestBucket } from "@millrace/s3-lab";
import { serverCli } from "./server-cli.ts";
import { gitEnvironment } from "./git.ts";
import { type ServerProcess, startServing } from "./server-process.ts";

/** Where the repositories of these scenarios lie in their bucket. */
const PREFIX = "git";

/** A bucket as processes of the built command line are told of it. */
export interface BucketPlace {
  readonly bucket: TestBucket;
  /** The server they ask, such as a proxy. */
  readonly url: string;
  /** Options of the storage, as an address carries them. */
  readonly tuning?: Readonly<Record<string, number>> | undefined;
}

function flagsOf({ bucket, url, tuning = {} }: BucketPlace): string[] {
  const query = new URLSearchParams(
    Object.entries(tuning).map(([name, value]) => [name, `${value}`]),
  ).toString();
  return ["--store", `s3://${bucket.name}/${PREFIX}${query === "" ? "" : `?${query}`}`, "--endpoint", url];
}

/** `millrace serve` over a bucket. */
export function serveBucket(place: BucketPlace, ...flags: readonly string[]): Promise<ServerProcess> {
  return startServing([...flagsOf(place), ...flags], environmentOf(place.bucket.endpoint));
}

export interface Maintaining {
  /** What it told, and its status; `null` where it was killed. */
  readonly done: Promise<{ readonly status: number | null; readonly text: string }>;
  kill(signal: NodeJS.Signals): void;
}

/** `millrace maintain` over a bucket. */
export function maintainBucket(place: BucketPlace, ...flags: readonly string[]): Maintaining {
  const child = spawn(
    process.execPath,
    [serverCli, "maintain", "--no-cache-dir", "--threads", "1", ...flagsOf(place), ...flags],
    { env: { ...gitEnvironment, ...environmentOf(place.bucket.endpoint) } },
  );
  let text = "";
  const take = (chunk: Buffer): void => void (text += chunk.toString());
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const done = new Promise<{ status: number | null; text: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, text }));
  });
  return { done, kill: (signal) => void child.kill(signal) };
}

/** Keys of files that manifests name, and of those that lie in the bucket, but for the manifests themselves. */
export async function compareFiles(
  bucket: TestBucket,
): Promise<{ readonly named: readonly string[]; readonly stored: readonly string[] }> {
  const named = new Set<string>();
  for (const key of await bucket.keys(`${PREFIX}/repos/`)) {
    const text = Buffer.from(await bucket.get(key)).toString();
    for (const [file] of text.matchAll(/data\/[\w./-]+/g)) named.add(`${PREFIX}/${file}`);
  }
  const stored = (await bucket.keys()).filter((key) => !key.startsWith(`${PREFIX}/repos/`));
  return { named: [...named].sort(), stored: stored.sort() };
}
