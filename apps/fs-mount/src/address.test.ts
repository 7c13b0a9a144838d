import { expect, test } from "vitest";
import { readAddress, wantPlainAddress, whyRefused } from "./address.ts";

const REFUSED: readonly string[] = [
  "https://me:hunter2@example.com/x.git",
  "https://hunter2@example.com/x.git@main",
  "HTTPS://hunter2@example.com/x.git",
  "https:///me:hunter2@example.com/x.git",
  "https://me:hunter2%40@example.com/x.git",
  "https://me:hunter2/3@example.com/x.git",
  "https://https://me:hunter2@example.com/x.git",
  "https://example.com/x.git?token=hunter2",
  "https://example.com/x.git?token=hunter2@main",
  "https://example.com/x.git#hunter2",
  "https://me:hunter2#3@example.com/x.git",
  "https:/me:hunter2@example.com/x.git",
  "https:/hunter2@example.com/x.git",
  "https//me:hunter2@example.com/x.git",
  "https//hunter2@example.com/x.git",
  "https:\\\\me:hunter2@example.com/x.git",
  "https:me:hunter2@example.com/x.git",
  "//me:hunter2@example.com/x.git",
  "me:hunter2@example.com/x.git",
  "me:hunter2@example.com:team/x.git",
  ":hunter2@example.com/x.git",
  " me:hunter2@example.com/x.git",
  "ssh://git:hunter2@example.com/x.git",
  "ssh://git%3Ahunter2@example.com/x.git",
  "ssh:/git:hunter2@example.com/x.git",
  "ssh://ghp_hunter2@example.com/x.git",
  `ssh://${"hunter2".repeat(5)}@example.com/x.git`,
  "glpat-hunter2@example.com:x.git",
  "ghp_hunter2@example.com/x.git",
  "git://me@example.com/hunter2.git",
  "git://me:hunter2@example.com/x.git",
  "s3://key:hunter2@bucket/x",
  "s3://bucket/x?token=hunter2",
  "s3://bucket/x?layout=bare&token=hunter2",
  "https://example.com/x.git?layout=hunter2",
  "ftp://me:hunter2@example.com/x.git",
];

test.each(REFUSED)("%s is refused, and not repeated", (address) => {
  let told: unknown;
  try {
    readAddress(address);
  } catch (error) {
    told = error;
  }
  expect(told).toMatchObject({ code: "MOUNT_ADDRESS_REFUSED" });
  expect(String(told)).not.toMatch(/hunter2|example\.com/);
});

test.each<readonly [said: string, repository: string, name: string]>([
  ["https://example.com/x.git", "https://example.com/x.git", "HEAD"],
  ["https://example.com:8080/~me/x.git@fix-#12", "https://example.com:8080/~me/x.git", "fix-#12"],
  ["https://example.com/x.git@v1@{1}", "https://example.com/x.git", "v1@{1}"],
  ["ssh://git@example.com:22/x.git@main", "ssh://git@example.com:22/x.git", "main"],
  ["ssh://APKAEIBAERJR2EXAMPLE@example.com/x", "ssh://APKAEIBAERJR2EXAMPLE@example.com/x", "HEAD"],
  ["git@example.com:team/x.git@main", "git@example.com:team/x.git", "main"],
  ["example.com:x.git@feature/y", "example.com:x.git", "feature/y"],
  ["example.com:team/x@feature/y", "example.com:team/x", "feature/y"],
  ["example.com:x@main", "example.com:x", "main"],
  ["git://example.com/x.git", "git://example.com/x.git", "HEAD"],
  ["s3://bucket/team/x@main", "s3://bucket/team/x", "main"],
  ["s3://bucket/team/x?layout=bare", "s3://bucket/team/x?layout=bare", "HEAD"],
  ["s3://bucket/x?layout=bare&partBytes=8388608", "s3://bucket/x?layout=bare&partBytes=8388608", "HEAD"],
  ["s3://bucket/team/x?layout=bare@main", "s3://bucket/team/x?layout=bare", "main"],
  ["/srv/a:b/x.git@main", "/srv/a:b/x.git", "main"],
  ["./a?b#c@main", "./a?b#c", "main"],
  ["x@feature/y", "x", "feature/y"],
])("%s is taken", (said, repository, name) => {
  expect(readAddress(said)).toEqual({ repository, name });
});

test("paths have whatever they have, behind file:// too", () => {
  for (const path of ["/srv/me:x@y/z", "file:///srv/me:x@y/z", "../me:x@y/z", "./https:/me@y"]) {
    expect(whyRefused(path)).toBeUndefined();
    wantPlainAddress(path);
  }
});
