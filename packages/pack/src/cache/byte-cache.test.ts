import fc from "fast-check";
import { expect, it } from "vitest";
import { createByteCache } from "./byte-cache.ts";

it("keeps what was used last, within its budget", () => {
  const step = fc.record({
    part: fc.nat(1),
    key: fc.nat(9),
    bytes: fc.nat(30),
    what: fc.constantFrom("get", "set", "delete", "clear"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const whole = createByteCache<number, string>({ budgetBytes: 100 });
      const parts = [whole, whole.partition()];
      /** Oldest first. */
      let model: { part: number; key: number; bytes: number; value: string }[] = [];
      steps.forEach(({ part, key, bytes, what }, at) => {
        const cache = parts[part]!;
        const found = model.find((e) => e.part === part && e.key === key);
        if (what === "get") {
          expect(cache.get(key)).toBe(found?.value);
          if (found !== undefined) model = [...model.filter((e) => e !== found), found];
        } else if (what === "clear") {
          cache.clear();
          model = model.filter((e) => e.part !== part);
        } else {
          model = model.filter((e) => e !== found);
          if (what === "delete") cache.delete(key);
          else {
            cache.set(key, `${at}`, bytes);
            if (bytes <= 25) model.push({ part, key, bytes, value: `${at}` });
            while (model.reduce((sum, e) => sum + e.bytes, 0) > 100) model.shift();
          }
        }
        expect(whole.usedBytes).toBe(model.reduce((sum, e) => sum + e.bytes, 0));
      });
      for (const e of model) expect(parts[e.part]!.get(e.key)).toBe(e.value);
    }),
  );
});
