import { describeDialogue } from "../src/dialogue/describe-dialogue.ts";
import { someRuns } from "../src/dialogue/runs.ts";
import { stdioFs } from "../src/endpoints.ts";

describeDialogue("stdio", someRuns(stdioFs, 1));
