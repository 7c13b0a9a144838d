import { type FetchFeature, flagArgument } from "./feature.ts";

/** What the pack is to be like: `thin-pack`, `ofs-delta`, `include-tag`, `no-progress`. */
export const packArguments: FetchFeature = {
  arguments: [
    flagArgument("thin-pack", (request) => {
      request.thinPack = true;
    }),
    flagArgument("ofs-delta", (request) => {
      request.ofsDelta = true;
    }),
    flagArgument("include-tag", (request) => {
      request.includeTag = true;
    }),
    flagArgument("no-progress", (request) => {
      request.noProgress = true;
    }),
  ],
};
