import { type FetchFeature, flagArgument } from "./feature.ts";

/** `wait-for-done`: the server never decides that it is ready; `git fetch --negotiate-only` asks for it. */
export const waitForDone: FetchFeature = {
  advertised: "wait-for-done",
  arguments: [
    flagArgument("wait-for-done", (request) => {
      request.waitForDone = true;
    }),
  ],
};
