import { clientError } from "../../errors.ts";
import { parseOid } from "../../object-id.ts";
import { printable } from "../../printable.ts";
import { type FetchFeature, flagArgument, valueArgument } from "./feature.ts";
import { checkWantCount } from "./request.ts";

/** `want`, `have` and `done`. */
export const negotiationArguments: FetchFeature = {
  arguments: [
    valueArgument("want", (request, value) => {
      const oid = parseOid(value, request.objectFormat);
      if (oid === undefined) {
        const message = `git upload-pack: protocol error, expected to get oid, not 'want ${printable(value)}'`;
        throw clientError("PROTOCOL_BAD_REQUEST", message);
      }
      request.wants.add(oid);
      checkWantCount(request);
    }),
    valueArgument("have", (request, value) => {
      const oid = parseOid(value, request.objectFormat);
      if (oid === undefined) {
        const message = `git upload-pack: expected SHA1 object, got '${printable(value)}'`;
        throw clientError("PROTOCOL_BAD_REQUEST", message);
      }
      request.haves.push(oid);
    }),
    flagArgument("done", (request) => {
      request.done = true;
    }),
  ],
};
