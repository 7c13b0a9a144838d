import { describeDialogue } from "../src/dialogue/describe-dialogue.ts";
import { allRuns, diagonalRuns } from "../src/dialogue/runs.ts";
import { defaultEndpoint, httpBare, httpMemory, httpS3 } from "../src/endpoints.ts";

describeDialogue("HTTP", [
  ...allRuns(defaultEndpoint, 2),
  ...diagonalRuns(httpMemory, 1),
  ...diagonalRuns(httpS3, 5),
  ...diagonalRuns(httpBare, 3),
]);
