import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    cli: "src/cli.ts",
    "fuse-worker": "src/front/fuse/worker.ts",
    "git-remote-millrace": "src/git-remote-millrace.ts",
  },
  format: "esm",
  target: "node20",
  dts: false,
  clean: true,
});
