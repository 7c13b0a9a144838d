import { parseAddress, type RepositoryAddress } from "@millrace/protocol-v2/client";
import { MountError } from "./errors.ts";
import { areBucketOptions } from "./secrets.ts";

const PASSWORD = "has a password in it: let a credential helper of git or an ssh agent have it";
const QUERY = "has a query or a fragment: no repository needs one, and secrets are in such";
const MALFORMED =
  "is none that can be read, and may have a password in it: write scheme://host/path, host:path.git, or ./path for a directory";

/**
 * Splits `URL[@REF]`, and takes nothing that would be kept and shown with a secret in it.
 * @throws MountError MOUNT_ADDRESS_REFUSED, which does not repeat it
 */
export function readAddress(text: string): RepositoryAddress {
  const read = parseAddress(text);
  // A password may have an `@` behind it where nobody looks for a URL's: both are looked at, the whole and what it was taken for.
  wantPlainAddress(text.replace(/[?#].*$/s, ""));
  wantPlainAddress(read.repository);
  return read;
}

/** Throws MOUNT_ADDRESS_REFUSED as `readAddress`, for an address without a name. */
export function wantPlainAddress(address: string): void {
  const why = whyRefused(address);
  if (why !== undefined) throw new MountError("MOUNT_ADDRESS_REFUSED", `the address ${why}`);
}

const PATH = /^(?:\/(?!\/)|\.\.?(?:\/|$)|file:\/\/)/i;
const WITH_SCHEME = /^([a-z][a-z0-9+.-]*):\/\/[/\\]*(.*)$/is;

/** Why an address is not kept, as what is said of it, or `undefined` for one that is. Paths are taken as they are. */
export function whyRefused(address: string): string | undefined {
  const text = address.trimStart();
  if (PATH.test(text)) return undefined;
  const [, scheme, rest] = WITH_SCHEME.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) return whyShortRefused(text);
  const authority = /^[^/\\?#]*/.exec(rest)![0];
  const at = authority.lastIndexOf("@");
  if (at >= 0 && isSecret(scheme, authority.slice(0, at))) return PASSWORD;
  const tail = /[?#].*$/s.exec(rest)?.[0] ?? "";
  if (tail !== "" && !areBucketOptions(scheme, tail)) return QUERY;
  // Another address in its path, or a port that is half a password.
  const isOdd = /[/\\]{2}[^/\\@]*@/.test(rest) || (/^https?$/i.test(scheme) && !URL.canParse(text));
  return isOdd ? MALFORMED : undefined;
}

/** Whether what stands before the host is more than a user's name: of ssh that is none, of all others it may be a token. */
function isSecret(scheme: string, user: string): boolean {
  return !/^(?:ssh|git\+ssh|ssh\+git)$/i.test(scheme) || /:|%3a/i.test(user) || isToken(user);
}

/** Longer than a system's names of users, or as hosts of repositories begin their tokens. */
function isToken(user: string): boolean {
  return user.length > 32 || hasTokenFront(user);
}

function hasTokenFront(word: string): boolean {
  return /^(?:gh[pousr]_|github_pat_|glpat-)/.test(word);
}

/** URLs whose scheme is cut short or misspelt: what they would be taken for is a directory, or a host's name. */
const NEARLY_HTTP = /^https?[:;]?[/\\]+[^/\\@]*@/i;
const NEARLY_URL = /^(?:https?|ssh|git|ftps?|s3)?[:;]?[/\\]+[^/\\@:]*:[^/\\@]*@/i;
/** `user:password@host/path` or `…@host:path`; a path that ends in `.git` has a name behind it. */
const NO_SCHEME = /^[^/\\@:]*:[^/\\@]*(?<!\.git)@[^@]*[/\\:]/i;

function whyShortRefused(text: string): string | undefined {
  if ([NEARLY_HTTP, NEARLY_URL, NO_SCHEME].some((shape) => shape.test(text))) return MALFORMED;
  const [, user = "", host] = /^([^/:@]+)@([^/:]+:)?/.exec(text) ?? [];
  return hasTokenFront(user) || (host !== undefined && isToken(user)) ? PASSWORD : undefined;
}
