import { describe, expect, it } from "vitest";
import { definitions, eventNames, spanNames } from "./names.ts";

describe("registry", () => {
  it("has names and keys that every adapter can spell, and keys that mean one thing", () => {
    for (const name of [...spanNames, ...eventNames]) {
      expect(name).toMatch(/^[a-z][a-z_]*(?:\.[a-z][a-z_]*)?$/);
      const { measurements, metadata, description } = definitions[name];
      expect(description.length).toBeGreaterThan(10);
      for (const key of [...Object.keys(measurements), ...Object.keys(metadata)]) {
        expect(key).toMatch(/^[a-z][a-z_]*$/);
        expect(key in measurements && key in metadata).toBe(false);
        expect(["err", "msg", "level", "time", "pid", "hostname", "duration_ms", "code", "le"]).not.toContain(
          key,
        );
      }
    }
  });

  it("lets no id, pack, repository or ref label a metric", () => {
    const bounded = [...spanNames, ...eventNames].flatMap((name) =>
      Object.entries(definitions[name].metadata)
        .filter(([, definition]) => definition.bounded)
        .map(([key]) => key),
    );
    for (const key of ["ref_prefix", "pack_id", "repository", "oid", "ref"])
      expect(bounded).not.toContain(key);
  });
});
