const maxShownLength = 256;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/**
 * Text from a client or a host, fit to be shown: a control character becomes `?`, as in git's own messages, and
 * what is longer than 256 characters is cut.
 */
export function printable(text: string): string {
  const shown = text.length > maxShownLength ? `${text.slice(0, maxShownLength)}...` : text;
  return withoutControls(shown);
}

/** The same without the cut. */
export function withoutControls(text: string): string {
  return text.replace(controls, "?");
}
