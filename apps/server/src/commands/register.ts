import { setFlagsFromString } from "node:v8";
import { type Command, Option } from "commander";
import type { DoctorFlags } from "./doctor.ts";
import type { MaintainFlags } from "./maintain.ts";
import type { MigrateFlags } from "./migrate.ts";
import type { ServeFlags } from "./serve.ts";

/** Registers the commands of whoever runs a server. Each is loaded when it is run. */
export function registerCommands(program: Command, version: string): void {
  program
    .command("serve")
    .description("serve the repositories of a folder or a bucket over HTTP")
    .option("--root <dir>", "the folder that holds the repositories", "repositories")
    .option(
      "--store <s3://bucket/prefix>",
      "a bucket that holds them instead; keys come from where the AWS tools look",
    )
    .option("--endpoint <url>", "the S3 server, if not that of AWS")
    .addOption(
      new Option("--layout <how>", "how repositories lie in the bucket: bare, as git lays them out").choices([
        "manifest",
        "bare",
      ]),
    )
    .option("--listen <host:port>", "where to listen", "127.0.0.1:8080")
    .addOption(
      new Option("--anonymous-push <who>", "who may push without credentials")
        .choices(["loopback", "anyone", "nobody"])
        .default("loopback"),
    )
    .option("--no-create-on-push", "a push to a name that is not there fails")
    .option("--max-pack-bytes <n>", "largest pack that a push may bring")
    .option("--max-delta-bytes <n>", "largest object that a push may bring as a delta (default: 512 MiB)")
    .option("--no-collision-detection", "take objects that were made to have the SHA-1 of another one")
    .option("--threads <n>", "threads for indexing larger pushes (default: one for each processor)")
    .option("--webhook <url>", "where pushes are posted to; MILLRACE_WEBHOOK_SECRET signs them")
    .option("--cache-dir <dir>", "where to keep what makes packs quick to walk, between runs")
    .option("--no-cache-dir", "keep it in memory only")
    .option("--maintain-every <hours>", "how often to tidy all repositories up (default: 24; 0: never)")
    .option("--maintain-after <n>", "tidy one up after so many pushes to it (default: 50; 0: never)")
    .option("--no-maintain", "leave that to somebody else")
    .action(async (flags: ServeFlags) => {
      // Functions are compiled as they are loaded: else the first clone waits for those that it needs.
      setFlagsFromString("--no-lazy");
      const { serve } = await import("./serve.ts");
      setFlagsFromString("--lazy");
      await serve(flags, version);
    });

  program
    .command("maintain")
    .description("tidy up the repositories of a folder or a bucket while they are in use: put packs together")
    .option("--root <dir>", "the folder that holds the repositories")
    .option("--store <s3://bucket/prefix>", "the bucket that holds them")
    .option("--endpoint <url>", "the S3 server, if not that of AWS")
    .option("--repository <name>", "only this one (default: all of them)")
    .option("--full", "one pack of all that is reached, with new deltas, whether that is due or not")
    .option("--auto", "leave out what somebody else tidies up, or what is set not to be (gc.auto = 0)")
    .option("--dry-run", "only tell what would be done")
    .option("--grace <days>", "how long objects stay that nobody reaches (default: 14)")
    .option("--threads <n>", "threads (default: one for each processor)")
    .option("--cache-dir <dir>", "where to keep what makes packs quick to walk")
    .option("--no-cache-dir", "do not keep it")
    .action(async (flags: MaintainFlags) => {
      process.exitCode = await (await import("./maintain.ts")).maintain(flags);
    });

  program
    .command("doctor")
    .description("try a bucket out: what works there, what does not, and how long requests take")
    .requiredOption(
      "--store <s3://bucket/prefix>",
      "the bucket; what is written lies below a fresh prefix and is removed",
    )
    .option("--endpoint <url>", "the S3 server, if not that of AWS")
    .addOption(new Option("--layout <how>", "the layout to try").choices(["manifest", "bare"]))
    .option("--only <text>", "only the cases of the suite whose names have this in them")
    .option("--json", "the report as JSON")
    .action(async (flags: DoctorFlags) => {
      process.exitCode = await (await import("./doctor.ts")).doctor(flags);
    });

  program
    .command("migrate")
    .description("copy repositories between folders and buckets, and from one layout of a bucket to another")
    .argument("<from>", "a folder of repositories, or s3://bucket/prefix[?layout=bare]")
    .argument("<to>", "another one")
    .option("--repository <name>", "only this one (default: all of them)")
    .option("--endpoint <url>", "the S3 server, if not that of AWS")
    .option("--dry-run", "only tell what would be copied")
    .action(async (from: string, to: string, flags: MigrateFlags) => {
      process.exitCode = await (await import("./migrate.ts")).migrate(from, to, flags);
    });
}
