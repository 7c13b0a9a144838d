import { z } from "zod";
import { concealSecrets } from "./secrets.ts";

/** An error as it is told: its code, and its words without secrets. */
export function toldError(error: unknown): { code?: string | undefined; message: string } {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return { code: typeof code === "string" ? code : undefined, message: wordsOf(error) };
}

/** What an error says, fit to be shown: in one piece, and without secrets. */
export function wordsOf(error: unknown): string {
  if (error instanceof z.ZodError) return concealSecrets(z.prettifyError(error));
  return concealSecrets(error instanceof Error ? error.message : String(error));
}
