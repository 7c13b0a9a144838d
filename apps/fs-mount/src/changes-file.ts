/**
 * In a mount's root, what the name of a file begins with that tells what has changed since a token, which the rest of its name is.
 * It is listed nowhere, and no working tree can have such a name: git takes it for one of `.git` on another system.
 */
export const CHANGES_FILE = ".git:millrace-changes-";
