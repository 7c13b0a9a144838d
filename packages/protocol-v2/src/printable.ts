const maxShownLength = 256;
const controls = /[\p{Cc}\u2028\u2029]/gu;
const asciiControls = /[^ -~\u0080-\u{10ffff}]/gu;

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

/** A ref's name as it was sent, so that a client knows it again; only what no ref can be called becomes `?`. */
export function echoedRefName(name: string): string {
  return name.replace(asciiControls, "?");
}
