import { fileURLToPath } from "node:url";

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** `millrace-mount` from its sources, as a program and its first arguments. */
export const PROGRAM = [
  process.execPath,
  "--conditions",
  "@millrace/source",
  "--import",
  file("../../../../scripts/typescript-threads.js"),
  file("../../src/cli.ts"),
] as const;
