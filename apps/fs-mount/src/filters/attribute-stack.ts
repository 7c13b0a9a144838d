import type { AttributeLine, AttributesFile, AttributeState } from "./attributes-file.ts";

/** An attributes file, as seen from a directory. */
export interface AttributeFrame {
  readonly file: AttributesFile;
  /** From the file's folder to the directory, with a slash at its end where it is not empty. */
  readonly path: string;
}

/** What git defines itself. */
const BINARY: AttributeLine["states"] = [
  ["diff", false],
  ["merge", false],
  ["text", false],
];

/** The attributes files that speak of one directory, in git's order (gitattributes). */
export class AttributeStack {
  readonly #frames: readonly AttributeFrame[];
  readonly #macros = new Map<string, AttributeLine["states"]>();

  /** @param frames the one that has the last word comes last */
  constructor(frames: readonly AttributeFrame[]) {
    this.#frames = frames;
    for (const { file } of frames.toReversed()) {
      for (const { about, states } of file.lines.toReversed())
        if ("macro" in about && !this.#macros.has(about.macro)) this.#macros.set(about.macro, states);
    }
    if (!this.#macros.has("binary")) this.#macros.set("binary", BINARY);
  }

  /** The attributes of a file of the directory. */
  of(name: string): ReadonlyMap<string, AttributeState> {
    const values = new Map<string, AttributeState>();
    for (let i = this.#frames.length - 1; i >= 0; i--) {
      const { file, path } = this.#frames[i]!;
      const whole = file.isOfPaths ? path + name : name;
      for (let j = file.lines.length - 1; j >= 0; j--) {
        const { about, states } = file.lines[j]!;
        if ("matches" in about && about.matches(whole, name)) this.#fill(values, states);
      }
    }
    return values;
  }

  /** Takes what is not known yet: the last of a line says it, and a macro that is set brings its own. */
  #fill(values: Map<string, AttributeState>, states: AttributeLine["states"]): void {
    for (let i = states.length - 1; i >= 0; i--) {
      const [name, state] = states[i]!;
      if (values.has(name)) continue;
      values.set(name, state);
      const macro = state === true ? this.#macros.get(name) : undefined;
      if (macro !== undefined) this.#fill(values, macro);
    }
  }
}
