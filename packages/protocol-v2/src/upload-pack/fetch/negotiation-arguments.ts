import { clientError } from "../../errors.ts";
import { parseOid } from "../../object-id.ts";
import { printable } from "../../printable.ts";
import { type FetchFeature, flagArgument } from "./feature.ts";

/** `want`, `have` and `done`. */
export const negotiationArguments: FetchFeature = {
  arguments: [
    {
      name: "want",
      takesValue: true,
      apply(request, value) {
        const oid = parseOid(value, request.objectFormat);
        if (oid === undefined) {
          const message = `git upload-pack: protocol error, expected to get oid, not 'want ${printable(value)}'`;
          throw clientError("PROTOCOL_BAD_REQUEST", message);
        }
        request.wants.add(oid);
        if (request.wants.size > request.maxWants) {
          throw clientError(
            "PROTOCOL_LIMIT_EXCEEDED",
            `upload-pack: more than ${request.maxWants} objects wanted`,
          );
        }
      },
    },
    {
      name: "have",
      takesValue: true,
      apply(request, value) {
        const oid = parseOid(value, request.objectFormat);
        if (oid === undefined) {
          const message = `git upload-pack: expected SHA1 object, got '${printable(value)}'`;
          throw clientError("PROTOCOL_BAD_REQUEST", message);
        }
        request.haves.push(oid);
      },
    },
    flagArgument("done", (request) => {
      request.done = true;
    }),
  ],
};
