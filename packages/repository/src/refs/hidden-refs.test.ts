import { createConfig } from "@millrace/storage";
import { expect, it } from "vitest";
import { hiddenRefs } from "./hidden-refs.ts";

it("hides what the last matching pattern hides", () => {
  const config = createConfig([
    { key: "transfer.hiderefs", value: "refs/pull" },
    { key: "transfer.hiderefs", value: "refs/keep/" },
    { key: "receive.hiderefs", value: "!refs/pull/1" },
    { key: "receive.hiderefs", value: "^refs/secret" },
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
  expect(hiddenRefs(createConfig([]), "receive")).toBeUndefined();
});

it("lets the line that comes later count, whichever key it is of", () => {
  const config = createConfig([
    { key: "transfer.hiderefs", value: "refs/pull" },
    { key: "uploadpack.hiderefs", value: "!refs/pull/2" },
    { key: "transfer.hiderefs", value: "refs/pull/2/merge" },
  ]);
  const fetch = hiddenRefs(config, "uploadpack")!;
  expect(["refs/pull/1/head", "refs/pull/2/head", "refs/pull/2/merge"].map(fetch)).toEqual([
    true,
    false,
    true,
  ]);
});
