import { expect, it } from "vitest";
import { echoedRefName, printable, withoutControls } from "./printable.ts";

it("shows no control character", () => {
  expect(printable("a\u001b[31m\r\n\u0000\u009b\u2028z")).toBe("a?[31m?????z");
});

it("cuts what is long, and only where asked", () => {
  expect(printable("x".repeat(300))).toBe(`${"x".repeat(256)}...`);
  expect(withoutControls("x".repeat(300))).toHaveLength(300);
});

it("leaves names that a ref can have as they are", () => {
  const name = "refs/heads/né\u0085\u200d\u{1f600}";
  expect(echoedRefName(name)).toBe(name);
  expect(echoedRefName("a\nok b\u007f")).toBe("a?ok b?");
});
