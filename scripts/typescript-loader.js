/**
 * A module hook that turns TypeScript into JavaScript, file by file; see typescript-threads.js. What was turned once is kept by its
 * content: tests start the programs some hundred times.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const OPTIONS = { loader: "ts", format: "esm", target: "node20", sourcemap: "inline" };
const KEPT = fileURLToPath(new URL("../node_modules/.cache/typescript/", import.meta.url));
const { version } = createRequire(import.meta.url)("esbuild/package.json");

export async function load(url, context, nextLoad) {
  if (!url.endsWith(".ts") || url.includes("/node_modules/")) return nextLoad(url, context);
  const file = fileURLToPath(url);
  const text = await readFile(file, "utf8");
  // The map finds its source beside the module, wherever the checkout is.
  const options = { ...OPTIONS, sourcefile: basename(file) };
  const key = createHash("sha256")
    .update(JSON.stringify([version, options, text]))
    .digest("hex");
  const source = await readFile(`${KEPT}${key}.js`, "utf8").catch(() =>
    turn(text, options, `${KEPT}${key}.js`),
  );
  return { format: "module", shortCircuit: true, source };
}

async function turn(text, options, kept) {
  const { transform } = await import("esbuild");
  const { code } = await transform(text, options);
  const draft = `${kept}.${process.pid}.${process.hrtime.bigint()}`;
  try {
    await mkdir(KEPT, { recursive: true });
    await writeFile(draft, code);
    await rename(draft, kept);
  } catch {
    // Whoever may not write there turns it again the next time.
    await rm(draft, { force: true }).catch(() => undefined);
  }
  return code;
}
