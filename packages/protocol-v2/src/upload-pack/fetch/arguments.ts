import { clientError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import type { FetchArgument, FetchFeature } from "./feature.ts";
import { negotiationArguments } from "./negotiation-arguments.ts";
import { packArguments } from "./pack-arguments.ts";
import type { FetchRequest } from "./request.ts";
import { waitForDone } from "./wait-for-done.ts";

/** Everything `fetch` takes. */
const features: readonly FetchFeature[] = [negotiationArguments, packArguments, waitForDone];

const byName: ReadonlyMap<string, FetchArgument> = new Map(
  features.flatMap((feature) => feature.arguments.map((argument) => [argument.name, argument] as const)),
);

/** The words behind `fetch=`, by a space. */
export function advertisedFeatures(): string {
  return features.flatMap((feature) => feature.advertised ?? []).join(" ");
}

/** Takes one line of the request's arguments. Throws `PROTOCOL_BAD_REQUEST`, `PROTOCOL_LIMIT_EXCEEDED`. */
export function takeFetchArgument(request: FetchRequest, line: string): void {
  const space = line.indexOf(" ");
  const argument = byName.get(space < 0 ? line : line.slice(0, space));
  if (argument === undefined || argument.takesValue !== space >= 0) {
    throw clientError("PROTOCOL_BAD_REQUEST", `unexpected line: '${printable(line)}'`);
  }
  argument.apply(request, space < 0 ? "" : line.slice(space + 1));
}
