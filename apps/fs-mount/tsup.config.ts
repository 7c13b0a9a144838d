import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", cli: "src/cli.ts", "fuse-worker": "src/front/fuse/worker.ts" },
  format: "esm",
  target: "node20",
  dts: false,
  clean: true,
});
