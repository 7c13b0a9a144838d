import { basicCredential, type Credential, type CredentialHelper } from "../credential.ts";
import { askGit, type GitQuestion } from "./ask-git.ts";

/** The fields of a credential as `git credential` reads and prints them, in its order. */
type Fields = readonly (readonly [name: string, value: string])[];

/**
 * The credentials that the user's git knows, by its helpers, its askpass program or at the terminal (gitcredentials): they are
 * asked for with `git credential fill`, and what the server thinks of them is told with `approve` and `reject`.
 */
export function gitCredentials(question: Pick<GitQuestion, "environment" | "prompts">): CredentialHelper {
  let given: Fields | undefined;
  return {
    async ask(url, challenges, signal): Promise<Credential | undefined> {
      given = undefined;
      const wanted = [...fieldsOf(url), ...challenges.map((each) => ["wwwauth[]", each] as const)];
      const input = written(wanted);
      if (input === undefined) return undefined;
      const answer = await askGit(["credential", "fill"], { ...question, input, signal });
      const known = new Map(read(answer ?? ""));
      const [username, password] = [known.get("username"), known.get("password")];
      if (username === undefined || password === undefined || username.includes(":")) return undefined;
      given = [...known];
      return basicCredential(username, password);
    },
    async tell(isAccepted) {
      const input = written(given ?? []);
      if (input === undefined || input === "\n") return;
      await askGit(["credential", isAccepted ? "approve" : "reject"], { ...question, input });
    },
  };
}

function fieldsOf(url: string): Fields {
  const { protocol, host, pathname, username } = new URL(url);
  return [
    ["protocol", protocol.slice(0, -1)],
    ["host", host],
    ["path", decoded(pathname.slice(1))],
    ...(username === "" ? [] : [["username", decoded(username)] as const]),
  ];
}

/** Lines of `name=value` with an empty one behind them; `undefined` where a value would begin another one. */
function written(fields: Fields): string | undefined {
  if (fields.some(([, value]) => /[\n\0]/.test(value))) return undefined;
  return [...fields.map(([name, value]) => `${name}=${value}\n`), "\n"].join("");
}

function* read(answer: string): Generator<readonly [string, string]> {
  for (const line of answer.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0 && !line.slice(0, at).endsWith("[]")) yield [line.slice(0, at), line.slice(at + 1)];
  }
}

/** `%xx` undone, where that is what it means. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
