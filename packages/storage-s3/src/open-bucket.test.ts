import { expect, it } from "vitest";
import { StoreAddress } from "./open-bucket.ts";

it("reads where a store is", () => {
  expect(StoreAddress.parse("s3://bucket")).toEqual({ bucket: "bucket" });
  expect(StoreAddress.parse("s3://bucket/")).toEqual({ bucket: "bucket" });
  expect(StoreAddress.parse("s3://my.bucket-1/git/all/")).toEqual({
    bucket: "my.bucket-1",
    prefix: "git/all",
  });
  expect(StoreAddress.parse("s3://bucket/git?readAhead=8&partBytes=16777216")).toEqual({
    bucket: "bucket",
    prefix: "git",
    readAhead: 8,
    partBytes: 16_777_216,
  });
});

it("refuses what is none", () => {
  for (const text of [
    "",
    "bucket",
    "s3://",
    "s3:///x",
    "s3://Bucket",
    "https://bucket",
    "s3://b/x",
    "s3://bucket?y",
    "s3://bucket?readAhead=x",
  ]) {
    expect(StoreAddress.safeParse(text).success, text).toBe(false);
  }
});
