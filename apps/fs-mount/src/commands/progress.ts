/** One line on a terminal that is written over, and nothing elsewhere. */
export interface Progress {
  show(text: string): void;
  clear(): void;
}

export function createProgress(): Progress {
  const { stderr } = process;
  return {
    show(text) {
      if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`);
    },
    clear() {
      if (stderr.isTTY) stderr.write("\r\u001b[K");
    },
  };
}
