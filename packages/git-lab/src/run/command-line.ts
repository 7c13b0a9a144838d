/** A word that a shell takes as it is. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What a shell does to run a program in a directory; the program takes the place of a shell that is started for it. */
export function commandLine(
  command: readonly string[],
  cwd: string,
  change: readonly string[],
  files: { readonly input: string; readonly output: string; readonly errors: string },
): string {
  const steps = [`cd ${quoted(cwd)} || exit`, ...change, `exec ${command.map(quoted).join(" ")}`];
  return `(${steps.join("; ")}) <${quoted(files.input)} >${quoted(files.output)} 2>${quoted(files.errors)}`;
}

/** What a shell does to have another environment than the one that it was started in. */
export function changeOfEnvironment(
  from: Readonly<NodeJS.ProcessEnv>,
  to: Readonly<NodeJS.ProcessEnv>,
): string[] {
  const set = Object.entries(to).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && IS_NAME.test(entry[0]),
  );
  const gone = Object.keys(from).filter((name) => to[name] === undefined && IS_NAME.test(name));
  return [
    // A shell's own, which it sets when it enters the directory.
    `unset ${[...new Set(["PWD", "OLDPWD", ...gone])].join(" ")}`,
    ...set
      .filter(([name, value]) => from[name] !== value || SET_BY_SHELLS.has(name))
      .map(([name, value]) => `export ${name}=${quoted(value)}`),
  ];
}

/** Shells drop what they could not name. */
const IS_NAME = /^(?!_$)[A-Za-z_]\w*$/;
const SET_BY_SHELLS = new Set(["PWD", "OLDPWD"]);
