import type { AdvertisingHost } from "../capability.ts";
import type { FetchRequest } from "./request.ts";

/** One argument of `fetch`. */
export interface FetchArgument {
  readonly name: string;
  /** Whether a value follows the name and a space; without one the name is the whole line. */
  readonly takesValue: boolean;
  /** Throws `PROTOCOL_BAD_REQUEST`, `PROTOCOL_LIMIT_EXCEEDED`. */
  apply(request: FetchRequest, value: string): void;
}

/** Arguments that come together, one file each: those of the base command, and one group a feature. */
export interface FetchFeature {
  /** The word behind `fetch=` that offers them; absent for what every version 2 client may send. */
  readonly advertised?: string | undefined;
  /** Whether this host has what the feature takes; absent: every host has. What is not offered is not taken either. */
  offered?(host: AdvertisingHost): boolean;
  readonly arguments: readonly FetchArgument[];
}

/** An argument that is its name alone. */
export function flagArgument(name: string, apply: (request: FetchRequest) => void): FetchArgument {
  return { name, takesValue: false, apply };
}

/** An argument with a value. */
export function valueArgument(
  name: string,
  apply: (request: FetchRequest, value: string) => void,
): FetchArgument {
  return { name, takesValue: true, apply };
}
