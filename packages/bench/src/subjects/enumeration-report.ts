/** What the enumerating process prints. */
export interface EnumerationReport {
  /** Of each call; the first includes opening the repository. */
  readonly seconds: readonly number[];
  readonly objects: number;
}
