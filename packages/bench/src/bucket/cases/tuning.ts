import type { BucketCase } from "../bucket-case.ts";
import { tuneCaches } from "./tuning/caches.ts";
import { tuneConnections } from "./tuning/connections.ts";
import { tuneRefs } from "./tuning/refs.ts";
import { tuneTimeouts } from "./tuning/timeouts.ts";
import { tuneTransfers } from "./tuning/transfers.ts";

/** What each option of the storage does, by itself; the first of each kind is the default. */
export const tuningCase: BucketCase = {
  name: "tuning",
  async *rows(lab) {
    yield* tuneTransfers(lab);
    yield* tuneConnections(lab);
    yield* tuneTimeouts(lab);
    yield* tuneCaches(lab);
    yield* tuneRefs(lab);
  },
};
