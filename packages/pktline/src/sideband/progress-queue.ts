/** Texts on their way to band 2, from whoever makes progress to the mux that sends it. */
export interface ProgressQueue {
  /** Adds a text; it is sent in packets of its own. Beyond 64 Ki characters the oldest ones are dropped. */
  push(text: string): void;
  /** Takes the oldest text. */
  shift(): string | undefined;
  /** Sets what is called after each `push`; one at a time, `undefined` for nobody. */
  notify(listener: (() => void) | undefined): void;
}

const MAX_CHARS = 64 * 1024;

export function createProgressQueue(): ProgressQueue {
  const texts: string[] = [];
  let chars = 0;
  let wake: (() => void) | undefined;
  const shift = (): string | undefined => {
    const text = texts.shift();
    chars -= text?.length ?? 0;
    return text;
  };
  return {
    push(text) {
      if (text.length === 0) return;
      texts.push(text);
      chars += text.length;
      while (chars > MAX_CHARS && texts.length > 1) shift();
      wake?.();
    },
    shift,
    notify(listener) {
      wake = listener;
    },
  };
}
