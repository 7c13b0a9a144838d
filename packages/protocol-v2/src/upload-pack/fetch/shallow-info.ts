import type { Oid } from "@millrace/pack";
import { clientError } from "../../errors.ts";
import type { ShallowUpdate } from "../../host.ts";
import type { LineBatch } from "../../line-batch.ts";
import type { CommandContext } from "../capability.ts";
import type { FetchRequest } from "./request.ts";

/** How a fetch stands to histories that end early. */
export interface ShallowPlan {
  /** The client's shallow roots, as far as they are stored here. */
  readonly clientShallow: readonly Oid[];
  /** Where the client's history will end; absent where it stays as it is. */
  readonly update?: ShallowUpdate | undefined;
  /** Whether the client asked for another depth. */
  readonly deepened: boolean;
  /** Whether a client of version 2 is told. */
  readonly told: boolean;
}

/**
 * The roots a client names that are stored here; others count for nothing. Throws what the host throws where one is no
 * commit.
 */
export async function findClientShallow(
  { host, signal }: CommandContext,
  request: FetchRequest,
): Promise<readonly Oid[]> {
  const named = [...request.shallow];
  if (named.length === 0) return named;
  if (host.storedRoots !== undefined) return host.storedRoots(named, { signal });
  const isStored = await host.hasObjects(named, { signal });
  return named.filter((_, index) => isStored[index] === true);
}

/**
 * Finds where the client's history will end: at the depth it asks for, else at the roots of a repository that is
 * shallow itself, of which a client of version 2 is told unasked. Throws `PROTOCOL_BAD_REQUEST`, and what the host
 * throws.
 */
export async function planShallow(
  { host, signal }: CommandContext,
  request: FetchRequest,
  { wants, clientShallow }: { readonly wants: readonly Oid[]; readonly clientShallow: readonly Oid[] },
  unasked = true,
): Promise<ShallowPlan> {
  const { depth, deepenRelative: relative, deepenSince: since, deepenNot } = request;
  const selects = since !== undefined || deepenNot.length > 0;
  if (depth !== undefined && selects) {
    const message = "git upload-pack: deepen and deepen-since (or deepen-not) cannot be used together";
    throw clientError("PROTOCOL_BAD_REQUEST", message);
  }
  const deepened = depth !== undefined || selects;
  if (deepened) {
    const not = deepenNot.length === 0 ? undefined : deepenNot;
    const update = await host.deepen?.({ wants, clientShallow, depth, relative, since, not, signal });
    return { clientShallow, update, deepened, told: true };
  }
  const tells = unasked && host.deepen !== undefined;
  const roots = (tells ? await host.shallowRoots?.({ signal }) : undefined) ?? [];
  if (roots.length === 0) return { clientShallow, deepened, told: clientShallow.length > 0 };
  const update = await host.deepen?.({ wants, clientShallow, signal });
  return { clientShallow, update, deepened, told: true };
}

/** Adds the lines of an update; like git's, they have no line feed. */
export function addShallowUpdate(lines: LineBatch, update: ShallowUpdate | undefined): void {
  for (const oid of update?.shallow ?? []) lines.add(`shallow ${oid}`);
  for (const oid of update?.unshallow ?? []) lines.add(`unshallow ${oid}`);
}

/** Adds the shallow-info section (gitprotocol-v2, "shallow-info section"). */
export function addShallowInfo(lines: LineBatch, plan: ShallowPlan): void {
  if (!plan.told) return;
  lines.add("shallow-info\n");
  addShallowUpdate(lines, plan.update);
  lines.addPacket("0001");
}
