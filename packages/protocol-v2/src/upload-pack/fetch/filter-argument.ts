import { type ObjectFilter, parseObjectFilter } from "@millrace/pack";
import { clientError } from "../../errors.ts";
import type { UploadPackPolicy } from "../../host.ts";
import { printable } from "../../printable.ts";
import { type FetchFeature, valueArgument } from "./feature.ts";

/** `filter`: what a partial clone leaves out. */
export const filterArgument: FetchFeature = {
  advertised: "filter",
  offered: (host) => host.policy?.filters === true,
  arguments: [
    valueArgument("filter", (request, value) => {
      if (request.filter !== undefined) {
        throw clientError("PROTOCOL_BAD_REQUEST", "multiple filter-specs cannot be combined");
      }
      const filter = readFilter(value);
      checkAllowed(filter, request.policy);
      request.filter = filter;
    }),
  ],
};

function readFilter(text: string): ObjectFilter {
  try {
    return parseObjectFilter(text);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "invalid filter-spec";
    throw clientError("PROTOCOL_BAD_REQUEST", printable(message), cause);
  }
}

/** A combination is put to the policy itself, and then each of its parts (git-config, `uploadpackfilter.*`). */
function checkAllowed(filter: ObjectFilter, policy: UploadPackPolicy): void {
  const refusal = policy.refuseFilter?.(filter);
  if (refusal !== undefined) throw clientError("PROTOCOL_BAD_REQUEST", refusal);
  if (filter.kind === "combine") for (const part of filter.filters) checkAllowed(part, policy);
}
