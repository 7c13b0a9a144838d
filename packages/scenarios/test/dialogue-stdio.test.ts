import { describeDialogue } from "../src/dialogue/describe-dialogue.ts";
import { allRuns } from "../src/dialogue/runs.ts";
import { stdioFs } from "../src/endpoints.ts";

describeDialogue("stdio", allRuns(stdioFs, 4));
