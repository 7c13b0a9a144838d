import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/conformance/index.ts", "src/reftable/index.ts"],
  format: "esm",
  target: "node20",
  dts: false,
  clean: true,
});
