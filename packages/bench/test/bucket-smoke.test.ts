import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { demandServer } from "@millrace/s3-lab";
import { expect, it } from "vitest";
import type { Row } from "../src/bucket/row.ts";

const CLI = fileURLToPath(new URL("../src/bucket/cli.ts", import.meta.url));
const LOADER = new URL("../../../scripts/typescript-threads.js", import.meta.url).href;

it("measures everything over a bucket with --quick, and leaves nothing behind", async (context) => {
  const { url, region, accessKeyId, secretAccessKey } = await demandServer("store", context);
  const temporary = await mkdtemp(join(tmpdir(), "millrace-"));
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--import", LOADER, CLI, "--quick", "--latency", "5"],
    {
      env: {
        ...process.env,
        TMPDIR: temporary,
        MILLRACE_S3_ENDPOINT: url,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      },
    },
  );
  const rows = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    expect(row.seconds).toBeGreaterThan(0);
    expect(stderr).toContain(`| ${row.case} | ${row.variant} |`);
  }
  expect(await readdir(temporary)).toEqual([]);
  await rm(temporary, { recursive: true });
});
