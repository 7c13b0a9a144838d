import { StorageError } from "../errors.ts";
import type { ConfigEntry } from "../schema.ts";

/**
 * Parses a configuration file (git-config, "Syntax"): sections, subsections in quotes or behind a dot, comments,
 * quoting, escapes and lines continued by a backslash. Throws `STORAGE_CORRUPT` with the line's number.
 */
export function parseConfig(text: string): ConfigEntry[] {
  const entries: ConfigEntry[] = [];
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  const reader = createReader(source.replaceAll("\r\n", "\n"));
  let section: string | undefined;
  for (let char = reader.next(); char !== undefined; char = reader.next()) {
    if (char === "\n" || isBlank(char)) continue;
    if (char === "#" || char === ";") {
      reader.skipLine();
    } else if (char === "[") {
      section = readSection(reader);
    } else {
      if (section === undefined || !/[a-zA-Z]/.test(char)) throw reader.fail();
      entries.push(readEntry(reader, section, char));
    }
  }
  return entries;
}

interface Reader {
  /** The next character; `undefined` at the end. */
  next(): string | undefined;
  peek(): string | undefined;
  skipLine(): void;
  fail(): StorageError;
}

function createReader(text: string): Reader {
  let at = 0;
  return {
    next: () => text[at++],
    peek: () => text[at],
    skipLine() {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end + 1;
    },
    fail() {
      const line = text.slice(0, Math.max(0, at - 1)).split("\n").length;
      return new StorageError("STORAGE_CORRUPT", `bad config line ${line}`, { key: "config" });
    },
  };
}

function readSection(reader: Reader): string {
  let name = "";
  for (;;) {
    const char = reader.next();
    if (char === "]") return `${name.toLowerCase()}.`;
    if (char !== undefined && isBlank(char)) return `${name.toLowerCase()}.${readSubsection(reader)}.`;
    if (char === undefined || !/[a-zA-Z0-9.-]/.test(char)) throw reader.fail();
    name += char;
  }
}

function readSubsection(reader: Reader): string {
  let char = reader.next();
  while (char !== undefined && isBlank(char)) char = reader.next();
  if (char !== '"') throw reader.fail();
  let name = "";
  for (;;) {
    char = reader.next();
    if (char === '"') break;
    if (char === "\\") char = reader.next();
    if (char === undefined || char === "\n") throw reader.fail();
    name += char;
  }
  if (reader.next() !== "]") throw reader.fail();
  return name;
}

function readEntry(reader: Reader, section: string, first: string): ConfigEntry {
  let name = first;
  let char = reader.next();
  while (char !== undefined && /[a-zA-Z0-9-]/.test(char)) {
    name += char;
    char = reader.next();
  }
  while (char !== undefined && isBlank(char)) char = reader.next();
  const key = section + name.toLowerCase();
  if (char === undefined || char === "\n") return { key, value: "true" };
  if (char === "#" || char === ";") {
    reader.skipLine();
    return { key, value: "true" };
  }
  if (char !== "=") throw reader.fail();
  return { key, value: readValue(reader) };
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b", "\\": "\\", '"': '"' };

function readValue(reader: Reader): string {
  let value = "";
  /** Blanks that count only if something follows them. */
  let pending = "";
  let quoted = false;
  for (;;) {
    let char = reader.next();
    if (char === undefined || char === "\n") {
      if (quoted) throw reader.fail();
      return value;
    }
    if (!quoted && isBlank(char)) {
      if (value !== "") pending += char;
      continue;
    }
    if (!quoted && (char === "#" || char === ";")) {
      reader.skipLine();
      return value;
    }
    if (char === '"') {
      quoted = !quoted;
      value += pending;
      pending = "";
      continue;
    }
    if (char === "\\") {
      const escaped = reader.next();
      if (escaped === "\n") {
        value += pending;
        pending = "";
        continue;
      }
      const replacement = escaped === undefined ? undefined : ESCAPES[escaped];
      if (replacement === undefined) throw reader.fail();
      char = replacement;
    }
    value += pending + char;
    pending = "";
  }
}

function isBlank(char: string): boolean {
  return char === " " || char === "\t" || char === "\v" || char === "\f" || char === "\r";
}
