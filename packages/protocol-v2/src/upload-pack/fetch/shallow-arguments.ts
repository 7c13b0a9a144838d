import { clientError, type ProtocolError } from "../../errors.ts";
import { parseOid } from "../../object-id.ts";
import { printable } from "../../printable.ts";
import { type FetchFeature, flagArgument, valueArgument } from "./feature.ts";
import { parseInteger } from "./integer.ts";

/** What clients send for "all of it". */
const infiniteDepth = 2_147_483_647;

/** `shallow`, `deepen`, `deepen-since`, `deepen-not` and `deepen-relative`: a history that ends somewhere. */
export const shallowArguments: FetchFeature = {
  advertised: "shallow",
  offered: (host) => host.deepen !== undefined,
  arguments: [
    valueArgument("shallow", (request, value) => {
      const oid = parseOid(value, request.objectFormat);
      if (oid === undefined) throw bad(`invalid shallow line: shallow ${printable(value)}`);
      request.shallow.add(oid);
    }),
    valueArgument("deepen", (request, value) => {
      const depth = parseInteger(value);
      if (depth === undefined || depth <= 0 || depth > infiniteDepth) {
        throw bad(`Invalid deepen: deepen ${printable(value)}`);
      }
      request.depth = depth === infiniteDepth ? Number.POSITIVE_INFINITY : depth;
    }),
    valueArgument("deepen-since", (request, value) => {
      const seconds = parseInteger(value);
      if (seconds === undefined || seconds < 0) {
        throw bad(`Invalid deepen-since: deepen-since ${printable(value)}`);
      }
      request.deepenSince = seconds;
    }),
    valueArgument("deepen-not", (request, value) => {
      request.deepenNot.push(value);
    }),
    flagArgument("deepen-relative", (request) => {
      request.deepenRelative = true;
    }),
  ],
};

function bad(message: string): ProtocolError {
  return clientError("PROTOCOL_BAD_REQUEST", message);
}
