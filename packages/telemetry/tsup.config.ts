import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/otel/index.ts", "src/prometheus/index.ts", "src/pino/index.ts"],
  format: "esm",
  target: "node20",
  dts: false,
  clean: true,
});
