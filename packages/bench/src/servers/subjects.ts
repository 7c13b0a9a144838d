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
export function startGitHttpBackend(
  root: string,
  config: Readonly<Record<string, string>> = {},
): Promise<ServerUnderTest> {
  const env: Record<string, string> = { ...gitEnvironment };
  const entries = Object.entries(config);
  env["GIT_CONFIG_COUNT"] = String(entries.length);
  for (const [i, [key, value]] of entries.entries()) {
    env[`GIT_CONFIG_KEY_${i}`] = key;
    env[`GIT_CONFIG_VALUE_${i}`] = value;
  }
  return startServer({ args: [program("cgi-host"), root], env, worksInChildren: true });
}
