import { expect, it } from "vitest";
import { hiddenRefs } from "./hidden-refs.ts";

it("hides what the last matching pattern hides", () => {
  const config = new Map([
    ["transfer.hiderefs", ["refs/pull", "refs/keep/"]],
    ["receive.hiderefs", ["!refs/pull/1", "^refs/secret"]],
  ]);
  const receive = hiddenRefs(config, "receive")!;
  const fetch = hiddenRefs(config, "uploadpack")!;
  expect([receive("refs/pull/1"), receive("refs/pull/1/head"), receive("refs/pull/10")]).toEqual([
    false,
    false,
    true,
  ]);
  expect([receive("refs/secret/x"), receive("refs/secrets"), receive("refs/keep/a")]).toEqual([
    true,
    false,
    true,
  ]);
  expect([fetch("refs/pull/1"), fetch("refs/secret/x"), fetch("refs/heads/main")]).toEqual([
    true,
    false,
    false,
  ]);
  expect(hiddenRefs(new Map(), "receive")).toBeUndefined();
});

it("lets the key that comes later in the file count", () => {
  const config = new Map([
    ["uploadpack.hiderefs", ["!refs/pull/2"]],
    ["transfer.hiderefs", ["refs/pull"]],
  ]);
  expect(hiddenRefs(config, "uploadpack")!("refs/pull/2/head")).toBe(true);
});
