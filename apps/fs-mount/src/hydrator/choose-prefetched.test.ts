import { expect, it } from "vitest";
import { choosePrefetched } from "./choose-prefetched.ts";
import { priorityOf } from "./priority.ts";

it("ranks names as they are likely to be read", () => {
  const priorities = (names: string): number[] => names.split(" ").map((name) => priorityOf(name));
  expect(priorities("README.md Cargo.toml package.json Makefile .gitignore")).toEqual([
    700, 700, 700, 700, 700,
  ]);
  expect(priorities("main.rs a.b.ts x.HPP notes.md")).toEqual([500, 500, 500, 500]);
  expect(priorities("data .hidden README.txt x.")).toEqual([400, 400, 400, 400]);
  expect(priorities("logo.png x.tar.gz film.MOV")).toEqual([100, 100, 100]);
});

it("chooses the best of a directory, each content once, and none that is not wanted", () => {
  const files = [
    { name: "z.png", oid: "1" },
    { name: "b.ts", oid: "2" },
    { name: "a.ts", oid: "3" },
    { name: "copy.ts", oid: "3" },
    { name: "here.ts", oid: "4" },
    { name: "data", oid: "5" },
    { name: "README", oid: "6" },
  ];
  const chosen = choosePrefetched(files, 4, (oid) => oid !== "4");
  expect(chosen.map(({ oid }) => oid)).toEqual(["6", "3", "2", "5"]);
  expect(chosen.map(({ priority }) => priority)).toEqual([700, 500, 500, 400]);
});
