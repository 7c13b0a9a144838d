import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    "memory/index": "src/memory/index.ts",
    "serve-worker": "src/mount/serve-worker.ts",
    "notify-worker": "src/mount/notify-worker.ts",
    "read-worker": "src/mount/read-worker.ts",
  },
  format: "esm",
  target: "node20",
  // An optional dependency, which tsup would take in.
  external: ["koffi"],
  dts: false,
  clean: true,
});
