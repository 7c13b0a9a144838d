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
  if (http === null) return true;
  return isHttpUrl(http[1] ?? url);
}

/** A relative url that goes up and then starts with ":" or "/" would replace the host that it is appended to. */
function climbsIntoHost(url: string): boolean {
  const lead = /^(?:\.{1,2}[\\/])+/.exec(url)?.[0] ?? "";
  const next = url[lead.length];
  return lead.includes("..") && (next === ":" || next === "/");
}

function isHttpUrl(url: string): boolean {
  const parts =
    /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/(?:[^/?#@]*@)?(\[[0-9a-fA-F:.]+\]|[^/?#:@[\]]+)(?::([0-9]*))?([/?#].*)?$/s.exec(url);
  if (parts === null || /%(?![0-9a-fA-F]{2})/.test(url)) return false;
  if (decodePercent(url).includes("\n")) return false;
  return Number(parts[2] ?? 0) <= 65535 && !climbsPastRoot(parts[3] ?? "");
}

function climbsPastRoot(tail: string): boolean {
  let depth = 0;
  for (const part of (/^[^?#]*/.exec(tail)?.[0] ?? "").split("/").slice(1)) {
    if (part === "..") depth--;
    else if (part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

function decodePercent(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
