/* Lengths are bounded, so that a long text of others costs no time. */
const ADDRESS = /[a-z][a-z0-9+.-]{0,63}:\/\/[^\s'"<>]+/gi;
/** What stands before a host where a scheme is misspelt or missing; `stash@{0}` and `host:path.git@name` are none. */
const NEARLY_HTTP = /(https?[:;]?[/\\]{1,9})[^\s/\\@'"<>]{0,1023}@/gi;
const NO_SCHEME =
  /[^\s/\\:@'"<>]{0,255}:[^\s/\\@'"<>]{1,1023}(?<!\.git)@(?=[^\s@{/\\:][^\s@/\\:]{0,255}[/\\:])/gi;
const VALUE =
  /\b([\w-]{0,63}(?:token|passw(?:or)?d|passphrase|secret|(?:api|access|private)[_-]?key)=)(?:"[^"]*"|'[^']*'|[^\s'"&;,<>]+)/gi;
/** How repositories lie in a bucket, and numbers, which its address may say (`@millrace/storage-s3`). */
const BUCKET_OPTIONS = /^\?(?:(?:layout=[a-z]{1,16}|[a-z][a-zA-Z]{1,31}=\d{1,12})(?:&(?=.)|$)){1,16}$/;
const HEADER = /(authorization:\s*\w+\s+)[^\s'"<>]+/gi;

/**
 * A text in which no address has a password, a query or a fragment, and no value of `token=` and its like stands: what others say, git
 * or a server, may repeat one. Of ssh a user's name stays.
 */
export function concealSecrets(text: string): string {
  return text
    .replace(ADDRESS, concealAddress)
    .replace(NEARLY_HTTP, "$1***@")
    .replace(NO_SCHEME, "***@")
    .replace(VALUE, "$1***")
    .replace(HEADER, "$1***");
}

/** By what is written, and not by what a parser makes of it: what is malformed may have been cut off in a password. */
function concealAddress(address: string): string {
  const [, front = "", rest = "", tail = ""] = /^([^:]*:\/\/)([^?#]*)(.*)/s.exec(address) ?? [];
  if (/^file:/i.test(front)) return front + rest;
  // A sentence goes on behind it.
  const options = tail.replace(/[:;,.)]+$/, "");
  if (areBucketOptions(front, options) && !rest.includes("@")) return address;
  // A password with a slash in it makes a port that is none.
  const authority = (URL.canParse(front + rest) ? /^[/\\]*[^/\\]*/ : /^.*/).exec(rest)![0];
  const at = authority.lastIndexOf("@");
  const user = authority.slice(0, Math.max(at, 0));
  if (at < 0) return /^[^/:[]*:[^/\d]/.test(rest) ? `${front}***` : front + rest;
  const isName = /^(?:git\+)?ssh(?:\+git)?:/i.test(front) && !/:|%3a/i.test(user);
  return front + rest.slice(isName ? 0 : at + 1);
}

/** Whether what stands behind an address's path is what the address of a bucket may say there. */
export function areBucketOptions(scheme: string, tail: string): boolean {
  return /^s3(?::|$)/i.test(scheme) && BUCKET_OPTIONS.test(tail);
}
