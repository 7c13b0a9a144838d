import { type FetchFeature, flagArgument } from "./feature.ts";

/** `sideband-all`: the whole answer travels on bands, so that signs of life can come before the pack does. */
export const sidebandAll: FetchFeature = {
  advertised: "sideband-all",
  offered: (host) => host.policy?.sidebandAll === true,
  arguments: [
    flagArgument("sideband-all", (request) => {
      request.framing.banded = true;
    }),
  ],
};
