import { clientError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import type { AdvertisingHost } from "../capability.ts";
import type { FetchArgument, FetchFeature } from "./feature.ts";
import { filterArgument } from "./filter-argument.ts";
import { negotiationArguments } from "./negotiation-arguments.ts";
import { packArguments } from "./pack-arguments.ts";
import { refInWant } from "./ref-in-want.ts";
import type { FetchRequest } from "./request.ts";
import { shallowArguments } from "./shallow-arguments.ts";
import { sidebandAll } from "./sideband-all.ts";
import { waitForDone } from "./wait-for-done.ts";

/** Everything `fetch` can take, in the order git tells it. */
const features: readonly FetchFeature[] = [
  negotiationArguments,
  packArguments,
  shallowArguments,
  waitForDone,
  filterArgument,
  refInWant,
  sidebandAll,
];

/** Takes one line of a request's arguments. Throws `PROTOCOL_BAD_REQUEST`, `PROTOCOL_LIMIT_EXCEEDED`. */
export type ArgumentTaker = (request: FetchRequest, line: string) => void;

/** The words behind `fetch=`, by a space. */
export function advertisedFeatures(host: AdvertisingHost): string {
  return offeredBy(host)
    .flatMap((feature) => feature.advertised ?? [])
    .join(" ");
}

/** What takes the arguments that this host serves. */
export function createArgumentTaker(host: AdvertisingHost): ArgumentTaker {
  const byName = new Map(offeredBy(host).flatMap((feature) => feature.arguments.map(named)));
  return (request, line) => {
    const space = line.indexOf(" ");
    const argument = byName.get(space < 0 ? line : line.slice(0, space));
    if (argument === undefined || argument.takesValue !== space >= 0) {
      throw clientError("PROTOCOL_BAD_REQUEST", `unexpected line: '${printable(line)}'`);
    }
    argument.apply(request, space < 0 ? "" : line.slice(space + 1));
  };
}

function offeredBy(host: AdvertisingHost): readonly FetchFeature[] {
  return features.filter((feature) => feature.offered?.(host) ?? true);
}

function named(argument: FetchArgument): readonly [string, FetchArgument] {
  return [argument.name, argument];
}
