import { execFile } from "node:child_process";
import type { S3Endpoint } from "@millrace/s3-lab";
import { serverCli } from "./server-cli.ts";

/** What a run of the command line left behind. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line to its end, with keys for a server of the lab. */
export function runMillrace(
  { region, accessKeyId, secretAccessKey }: S3Endpoint,
  ...args: string[]
): Promise<Ended> {
  const env = {
    ...process.env,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    NODE_NO_WARNINGS: "1",
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [serverCli, ...args], { env }, (error, stdout, stderr) => {
      const status = typeof error?.code === "number" ? error.code : error === null ? 0 : -1;
      resolve({ status, stdout, stderr });
    });
  });
}
