import { millraceEnvironment, program, serveArguments, serverCli } from "../millrace.ts";
import { gitEnvironment } from "@millrace/scenarios/git";
import { type ServerUnderTest, startServer } from "./server-under-test.ts";

/** What our server is started with. */
export interface MillraceServerOptions {
  /** Where it remembers things between runs. */
  readonly home: string;
  /** Leave CPU profiles of the server's threads in this folder. */
  readonly profile?: string | undefined;
}

/** Our server over a folder of repositories. */
export function startMillrace(
  root: string,
  { home, profile }: MillraceServerOptions,
): Promise<ServerUnderTest> {
  const flags = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  return startServer({
    args: [...flags, "--import", program("probe"), serverCli, ...serveArguments(root)],
    env: millraceEnvironment(home),
    worksInChildren: false,
  });
}

/** `git http-backend` behind a web server. */
export function startGitHttpBackend(root: string): Promise<ServerUnderTest> {
  return startServer({ args: [program("cgi-host"), root], env: gitEnvironment, worksInChildren: true });
}
