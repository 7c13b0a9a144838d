import { parseConfigText } from "./config-text.ts";
import { type FsckFinding, finding } from "./finding.ts";

/** Checks the content of a `.gitmodules` blob: what it names must not lead git astray. */
export function checkGitmodules(content: Uint8Array): FsckFinding[] {
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString("latin1");
  const findings: FsckFinding[] = [];
  const { variables, isComplete } = parseConfigText(text);
  for (const { section, subsection, key, value } of variables) {
    if (section !== "submodule" || subsection === undefined) continue;
    if (!isSubmoduleName(subsection)) {
      findings.push(finding("gitmodulesName", `disallowed submodule name: ${subsection}`));
    }
    if (value === undefined) continue;
    if (key === "url" && !isSubmoduleUrl(value)) {
      findings.push(finding("gitmodulesUrl", `disallowed submodule url: ${value}`));
    }
    if (key === "path" && value.startsWith("-")) {
      findings.push(finding("gitmodulesPath", `disallowed submodule path: ${value}`));
    }
    if (key === "update" && value.startsWith("!")) {
      findings.push(finding("gitmodulesUpdate", `disallowed submodule update setting: ${value}`));
    }
  }
  if (!isComplete) findings.push(finding("gitmodulesParse", "could not parse gitmodules blob"));
  return findings;
}

/** Names become paths under `.git/modules`, so they must not climb out of it. */
function isSubmoduleName(name: string): boolean {
  return name !== "" && !name.split(/[\\/]/).includes("..");
}

function isSubmoduleUrl(url: string): boolean {
  if (url.startsWith("-")) return false;
  const isRelative = /^\.{1,2}[\\/]/.test(url);
  if (isRelative || url.startsWith("git://")) {
    if (decodePercent(url).includes("\n")) return false;
    return !isRelative || !climbsIntoHost(url);
  }
  const http = /^(?:https?|ftps?)(?:::(.*)|:\/\/.*)$/s.exec(url);
  return http === null || isHttpUrl(http[1] ?? url);
}

/** A relative url that goes up and then starts with ":" or "/" would replace the host that it is appended to. */
function climbsIntoHost(url: string): boolean {
  const lead = /^(?:\.{1,2}[\\/])+/.exec(url)?.[0] ?? "";
  const next = url[lead.length];
  return lead.includes("..") && (next === ":" || next === "/");
}

/** Credentials go to the host, so there must be one, and no newline may smuggle in another. */
function isHttpUrl(url: string): boolean {
  return /^[^:/]+:\/\/(?:[^/?#@]*@)?[^/?#@:]/.test(url) && !decodePercent(url).includes("\n");
}

function decodePercent(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
