/** git's rules for a ref's name (git-check-ref-format): what breaks them could escape from a folder of refs. */
const FORBIDDEN = /[\0- ~^:?*[\\\u007f]|\.\.|\/\/|@\{|\.$|\/$|(?:^|\/)\.|\.lock(?:\/|$)/;
/** What a repository has beside its refs. */
const BESIDE = new Set(["HEAD"]);

/** Whether a server may call a ref so. */
export function isRefName(name: string): boolean {
  return BESIDE.has(name) || (name.startsWith("refs/") && !FORBIDDEN.test(name));
}
