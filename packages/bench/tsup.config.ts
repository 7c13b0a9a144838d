import { defineConfig } from "tsup";

/** The runner, and an entry for each program that runs in a process of its own. */
export default defineConfig({
  entry: {
    cli: "src/cli.ts",
    client: "src/client/cli.ts",
    mount: "src/mount/cli.ts",
    probe: "src/servers/probe.ts",
    "cgi-host": "src/servers/cgi-host.ts",
    "index-pack": "src/subjects/index-pack.ts",
    enumerate: "src/subjects/enumerate.ts",
  },
  format: "esm",
  target: "node20",
  dts: false,
  clean: true,
});
