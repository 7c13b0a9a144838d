import { inject } from "vitest";
import type { LabServer } from "./lab.ts";
import type { S3Endpoint } from "./s3-endpoint.ts";

/** What a test can be told to leave out; vitest's context. */
export interface Skippable {
  skip(note: string): never;
}

/**
 * A server of the lab, started where it is not, or the reason why there is none; under continuous integration that throws,
 * unless the environment leaves it out.
 */
export async function findServer(name: LabServer): Promise<S3Endpoint | { readonly missing: string }> {
  const answer = await fetch(`${inject("s3Lab")}/${name}`);
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as S3Endpoint;
  const missing = `no ${name}: ${text}`;
  if (process.env.CI !== undefined && answer.status !== 410) throw new Error(missing);
  return { missing };
}

/** The same for one test, which is skipped where there is none. */
export async function demandServer(name: LabServer, context: Skippable): Promise<S3Endpoint> {
  const found = await findServer(name);
  return "missing" in found ? context.skip(found.missing) : found;
}
