/** What a server says while it works, on one line of a terminal. */
export interface ProgressBar {
  readonly show: (text: string) => void;
  /** Takes the line away. */
  clear(): void;
}

const CLEAR_LINE = "\r\u001b[K";

/** A bar that shows nothing where nobody watches. */
export function createProgressBar(
  errors: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined },
): ProgressBar {
  let isShown = false;
  return {
    show(text) {
      // Servers send parts of lines, with the carriage returns of a terminal.
      const last = text.split(/[\r\n]/).findLast((part) => part.trim() !== "");
      if (errors.isTTY !== true || last === undefined) return;
      isShown = true;
      errors.write(`${CLEAR_LINE}${last.replace(/[^ -~\u00a0-\u{10ffff}]/gu, "?").slice(0, 78)}`);
    },
    clear() {
      if (isShown) errors.write(CLEAR_LINE);
      isShown = false;
    },
  };
}
