import { expect, it } from "vitest";
import { printable, withoutControls } from "./printable.ts";

it("shows no control character", () => {
  expect(printable("a\u001b[31m\r\n\u0000\u009b\u2028z")).toBe("a?[31m????? z".replace("? z", "?z"));
});

it("cuts what is long, and only where asked", () => {
  expect(printable("x".repeat(300))).toBe(`${"x".repeat(256)}...`);
  expect(withoutControls("x".repeat(300))).toHaveLength(300);
});
