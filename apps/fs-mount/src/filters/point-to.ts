import { createHash } from "node:crypto";

/** The pointer to a file, as git-lfs writes it. */
export function pointerTo(content: Uint8Array): Uint8Array {
  const oid = createHash("sha256").update(content).digest("hex");
  const lines = ["version https://git-lfs.github.com/spec/v1", `oid sha256:${oid}`, `size ${content.length}`];
  // An empty file is its own pointer.
  return content.length === 0 ? content : Buffer.from(`${lines.join("\n")}\n`);
}
