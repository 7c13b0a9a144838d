import { type FsckFinding, finding } from "./finding.ts";

const MAX_TIME = 2n ** 63n - 1n;
/** Fewer digits than this cannot pass `MAX_TIME`. */
const CHECKED_DIGITS = 19;

/** Checks `Name <email> seconds zone`, the value of an author, committer or tagger line. */
export function checkIdentity(line: string): FsckFinding | undefined {
  const open = line.search(/[<>]/);
  if (open === 0 && line[0] === "<") return wrong("missingNameBeforeEmail", "missing space before email");
  if (open < 0) return wrong("missingEmail", "missing email");
  if (line[open] === ">") return wrong("badName", "bad name");
  if (line[open - 1] !== " ") return wrong("missingSpaceBeforeEmail", "missing space before email");
  const rest = line.slice(open + 1);
  const close = rest.search(/[<>]/);
  if (close < 0 || rest[close] === "<") return wrong("badEmail", "bad email");
  if (rest[close + 1] !== " ") return wrong("missingSpaceBeforeDate", "missing space before date");
  return checkDate(rest.slice(close + 2).replace(/^[ \t]+/, ""));
}

function checkDate(text: string): FsckFinding | undefined {
  const digits = /^[0-9]+/.exec(text)?.[0];
  if (digits === undefined) return wrong("badDate", "bad date");
  if (text[0] === "0" && text[1] !== " ") return wrong("zeroPaddedDate", "zero-padded date");
  if (digits.length >= CHECKED_DIGITS && BigInt(digits) > MAX_TIME) {
    return wrong("badDateOverflow", "date causes integer overflow");
  }
  if (text[digits.length] !== " ") return wrong("badDate", "bad date");
  if (!/^[+-][0-9]{4}$/.test(text.slice(digits.length + 1))) return wrong("badTimezone", "bad time zone");
  return undefined;
}

function wrong(id: string, what: string): FsckFinding {
  return finding(id, `invalid author/committer line - ${what}`);
}
