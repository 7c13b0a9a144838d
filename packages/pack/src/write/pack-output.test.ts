import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createPackOutput } from "./pack-output.ts";

it("cuts chunks of one size and ends in the hash over everything", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 30 });
  fc.assert(
    fc.property(
      pieces,
      fc.integer({ min: 1, max: 150 }),
      fc.constantFrom("sha1", "sha256"),
      (parts, chunkBytes, format) => {
        const output = createPackOutput(format, chunkBytes);
        const chunks: Uint8Array[] = [];
        const takeAll = (): void => {
          for (let chunk = output.take(); chunk !== undefined; chunk = output.take()) chunks.push(chunk);
        };
        parts.forEach((part, i) => {
          output.append(Buffer.concat([Buffer.from("xx"), part, Buffer.from("y")]), 2, 2 + part.length);
          if (i % 3 === 0) takeAll();
        });
        output.finish();
        takeAll();
        const body = Buffer.concat(parts);
        const expected = Buffer.concat([body, createHash(format).update(body).digest()]);
        expect(Buffer.compare(Buffer.concat(chunks), expected)).toBe(0);
        expect(output.position).toBe(expected.length);
        for (const chunk of chunks.slice(0, -1)) expect(chunk.length).toBe(chunkBytes);
      },
    ),
  );
});
