import type { ConfigEntry } from "../schema.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  '"': '\\"',
  "\n": "\\n",
  "\t": "\\t",
  "\b": "\\b",
};

/** Settings as the text of a configuration file (git-config, "Syntax"), in their order. */
export function encodeConfig(entries: readonly ConfigEntry[]): string {
  let text = "";
  let section: string | undefined;
  for (const { key, value } of entries) {
    const end = key.lastIndexOf(".");
    const own = key.slice(0, end);
    if (own !== section) text += `${sectionLine(own)}\n`;
    section = own;
    text += `\t${key.slice(end + 1)} = "${value.replace(/[\\"\n\t\b]/g, (char) => ESCAPES[char] as string)}"\n`;
  }
  return text;
}

function sectionLine(section: string): string {
  const dot = section.indexOf(".");
  if (dot < 0) return `[${section}]`;
  const subsection = section.slice(dot + 1).replace(/[\\"]/g, "\\$&");
  return `[${section.slice(0, dot)} "${subsection}"]`;
}
