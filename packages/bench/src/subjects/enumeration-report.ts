/** What the enumerating process is told. */
export interface EnumerationOrder {
  readonly path: string;
  /** Where graphs of packs are kept between runs. */
  readonly cacheFolder: string;
  /** How often to enumerate. */
  readonly calls: number;
  /** Build the graphs that are missing before the first call. */
  readonly buildGraphs: boolean;
  /** A file for the ids that were found. */
  readonly list?: string | undefined;
}

/** What the enumerating process prints. */
export interface EnumerationReport {
  /** Of each call; the first includes opening the repository, and building graphs. */
  readonly seconds: readonly number[];
  readonly objects: number;
}
