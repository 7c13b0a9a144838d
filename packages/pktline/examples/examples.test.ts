import { readFileSync } from "node:fs";
import { pktText } from "@millrace/pktline";
import { expect, it } from "vitest";
import { inTurn, utf8 } from "../test/bytes.ts";
import { commandsAndRest } from "./decoder.ts";
import { answer, readAnswer } from "./sideband.ts";

it("sideband: what one side sends the other reads", async () => {
  expect(await readAnswer(answer(inTurn([utf8("PACK"), new Uint8Array(100_000)])))).toEqual([
    "packfile",
    "remote: Sending the pack",
    "65515 bytes of pack",
    "34489 bytes of pack",
  ]);
});

it("decoder: packets, then raw bytes", () => {
  const { packets, rest } = commandsAndRest(["0008on", "e\n0007two", "00", "00PACK"].map(utf8));
  expect(packets.map(pktText)).toEqual(["one", "two"]);
  expect(rest).toEqual(utf8("PACK"));
});

it.each(["sideband.ts", "decoder.ts"])("the README shows %s as it runs here", (name) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(readFileSync(new URL(name, import.meta.url), "utf8"));
});
