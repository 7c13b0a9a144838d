import { randomUUID } from "node:crypto";
import type { ObjectFilter } from "@millrace/pack";
import { booleanValue, integerValue, type RepositoryConfig } from "@millrace/storage";

/** What a repository offers to those who fetch. */
export interface UploadPackRules {
  readonly filters: boolean;
  /** git's words where a filter is not allowed. */
  refuseFilter(filter: ObjectFilter): string | undefined;
  readonly refInWant: boolean;
  readonly sidebandAll: boolean;
  /** Versions 0 and 1: what may be wanted besides advertised tips. */
  readonly wants: "advertised" | "tips" | "reachable" | "any";
  /** Version 2: whether a ref must reach what is wanted. */
  readonly reachableOnly: boolean;
  readonly sessionId: string | undefined;
}

/**
 * Reads a repository's rules for fetches (git-config, `uploadpack.*`, `uploadpackfilter.*`, `transfer.advertiseSID`).
 * The defaults are git's, but for filters, which are allowed unless `uploadpack.allowFilter` says otherwise; a
 * partial clone asks for objects by id later, so with them older protocols may want what version 2 may. Where objects
 * are borrowed from another repository, a ref of this one must reach what is wanted.
 */
export function readUploadPackRules(config: RepositoryConfig, borrows: boolean): UploadPackRules {
  const filters = booleanValue(config, "uploadpack.allowfilter") ?? true;
  return {
    filters,
    refuseFilter: (filter) => refuseFilter(config, filter),
    refInWant: booleanValue(config, "uploadpack.allowrefinwant") ?? false,
    sidebandAll: booleanValue(config, "uploadpack.allowsidebandall") ?? false,
    wants: readWants(config) ?? (filters ? (borrows ? "reachable" : "any") : "advertised"),
    reachableOnly: borrows && booleanValue(config, "uploadpack.allowanysha1inwant") !== true,
    sessionId: readSessionId(config),
  };
}

/** An id for one conversation, where the repository's configuration asks for one. */
export function readSessionId(config: RepositoryConfig): string | undefined {
  return booleanValue(config, "transfer.advertisesid") === true ? `millrace-${randomUUID()}` : undefined;
}

function readWants(config: RepositoryConfig): UploadPackRules["wants"] | undefined {
  if (booleanValue(config, "uploadpack.allowanysha1inwant") === true) return "any";
  if (booleanValue(config, "uploadpack.allowreachablesha1inwant") === true) return "reachable";
  return booleanValue(config, "uploadpack.allowtipsha1inwant") === true ? "tips" : undefined;
}

function refuseFilter(config: RepositoryConfig, filter: ObjectFilter): string | undefined {
  const name = filter.kind;
  const refusal = `git upload-pack: filter '${name}' not supported`;
  const allowed =
    booleanValue(config, `uploadpackfilter.${name}.allow`) ??
    booleanValue(config, "uploadpackfilter.allow") ??
    true;
  if (!allowed) return refusal;
  const maxDepth = integerValue(config, "uploadpackfilter.tree.maxdepth");
  if (filter.kind !== "tree" || maxDepth === undefined || filter.depth <= maxDepth) return undefined;
  return `${refusal} (maximum depth: ${maxDepth}, but got: ${filter.depth})`;
}
