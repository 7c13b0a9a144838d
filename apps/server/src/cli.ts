#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { registerBrowsing } from "./browse/register.ts";
import { registerCommands } from "./commands/register.ts";
import { registerServices } from "./stdio/register.ts";

const FATAL_STATUS = 128;
const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const program = new Command("millrace")
  .description("A git server that streams.")
  .version(version)
  .exitOverride();

registerCommands(program, version);
registerServices(program, version);
registerBrowsing(program, { output: process.stdout, errors: process.stderr });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 129;
  else {
    process.stderr.write(`fatal: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = FATAL_STATUS;
    process.stdin.destroy();
  }
}
