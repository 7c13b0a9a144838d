import type { DeepenRequest, ShallowUpdate } from "../../src/index.ts";
import { runGit } from "./git.ts";
import { packets, readPackets } from "./packets.ts";

/** Has `git upload-pack` say where a history will end: an exchange that stops behind its shallow lines. */
export function deepenWithGit(directory: string, request: DeepenRequest): ShallowUpdate {
  const { wants, clientShallow, depth, relative, since, not = [] } = request;
  const depthWord = depth === Number.POSITIVE_INFINITY ? 2_147_483_647 : depth;
  const asked = depth !== undefined || since !== undefined || not.length > 0;
  const lines = [
    ...wants.map((oid) => `want ${oid}${relative === true ? " deepen-relative" : ""}`),
    ...clientShallow.map((oid) => `shallow ${oid}`),
    ...(depthWord === undefined ? [] : [`deepen ${depthWord}`]),
    ...(since === undefined ? [] : [`deepen-since ${since}`]),
    ...not.map((name) => `deepen-not ${name}`),
    "0000",
  ];
  // Only version 2 tells of a shallow repository unasked; its pack is left unread.
  const unasked = ["command=fetch", "0001", "no-progress", "done", ...lines];
  const result = runGit(
    directory,
    ["-c", "uploadpack.allowAnySHA1InWant=true", "upload-pack", "--stateless-rpc", "."],
    packets(...(asked ? lines : unasked)),
    { GIT_PROTOCOL: asked ? "version=0" : "version=2" },
  );
  const fatal = /^fatal: (.*)$/m.exec(result.stderr)?.[1];
  if (fatal !== undefined) throw Object.assign(new Error(fatal), { clientMessage: fatal });
  const told = readPackets(result.stdout).map((each) => each.toString().trimEnd().split(" "));
  const named = (word: string): string[] => told.flatMap(([key, oid]) => (key === word ? [oid ?? ""] : []));
  return { shallow: named("shallow"), unshallow: named("unshallow") };
}
