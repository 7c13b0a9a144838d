import { describeDialogue } from "../src/dialogue/describe-dialogue.ts";
import { allRuns, twoRuns } from "../src/dialogue/runs.ts";
import { defaultEndpoint, httpBare, httpMemory, httpS3 } from "../src/endpoints.ts";

describeDialogue("HTTP", [
  ...allRuns(defaultEndpoint, 2),
  ...twoRuns(httpMemory, 0),
  ...twoRuns(httpS3, 1),
  ...twoRuns(httpBare, 1),
]);
