/** How documents are searched: by meaning and words, by meaning, or by words. */
export type Mode = "hybrid" | "semantic" | "keyword";

/** What a result may hold beside its id, index and score. */
export type Part = "text" | "metadata" | "embedding" | "highlights" | "explain";

/** A condition on a column. Several of one object must all hold. */
export interface Condition {
  $eq?: Value;
  $ne?: Value;
  $gt?: number | string;
  $gte?: number | string;
  $lt?: number | string;
  $lte?: number | string;
  $in?: Value[];
  $nin?: Value[];
  $exists?: boolean;
}

export type Value = string | number | boolean;

/** Which documents may be found: { year: { $gte: 2019 }, topic: "climate" }. Several keys must all hold. */
export interface Filter {
  $and?: Filter[];
  $or?: Filter[];
  $not?: Filter;
  [column: string]: Value | Condition | Filter | Filter[] | undefined;
}

export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Each is the service's default where it is left out. */
export interface SearchOptions extends CallOptions {
  /** How many documents. */
  k?: number;
  /** How many of the best are left out. */
  offset?: number;
  mode?: Mode;
  /** The keywords' share of a hybrid score, 0 to 1. */
  share?: number;
  minScore?: number;
  filter?: Filter;
  /** Columns whose values are counted over all documents that match. */
  facets?: string[];
  include?: Part[];
  /** Whether every document is scored where PostgreSQL searches by an index. */
  exact?: boolean;
}

export interface EmbedOptions extends CallOptions {
  /** Which of the model's prompts goes before each text. Default: none. */
  prompt?: "query" | "document";
  /** Whether a text that is longer than the model reads is cut. Default: false, and it is an error. */
  truncate?: boolean;
  /** How many dimensions of each vector are kept. Default: all. */
  dimensions?: number;
}

/** A part of a text, in code points. */
export interface Span {
  start: number;
  end: number;
}

export interface Highlight extends Span {
  /** The query's word. */
  term: string;
}

export interface SeekletDocument<Metadata = Record<string, unknown>> {
  id: string;
  /** Its place in the corpus, from 0. */
  index: number;
  text: string;
  metadata: Metadata;
}

export interface Hit<Metadata = Record<string, unknown>> extends SeekletDocument<Metadata> {
  /** Higher is better. */
  score: number;
  /** The part of the text that the score is of, where documents are cut into passages. */
  passage?: Span;
  embedding?: number[];
  highlights?: Highlight[];
  explain?: { cosine: number | null; keyword: number | null; share: number | null };
}

export interface Answer<Metadata = Record<string, unknown>> {
  /** Best first. */
  results: Hit<Metadata>[];
  /** How many documents match. */
  total: number;
  mode: Mode;
  share: number | null;
  k: number;
  offset: number;
  facets?: Record<string, { value: Value; count: number }[]>;
}

export interface SimilarAnswer<Metadata = Record<string, unknown>> {
  text: string[];
  results: Hit<Metadata>[];
}

export interface Info {
  model_id: string;
  revision: string;
  dim: number;
  documents: number;
  rows: number;
  modes: Mode[];
  share: number | null;
  columns: { name: string; type: string; [detail: string]: unknown }[];
  version: string;
  limits: Record<string, number>;
  [field: string]: unknown;
}

export interface Health {
  status: string;
  documents: number;
  [field: string]: unknown;
}

export interface SeekletOptions {
  /** Where the service is, without a route. */
  url: string;
  apiKey?: string;
  /** Takes the place of the global fetch. */
  fetch?: typeof globalThis.fetch;
  /** Milliseconds for one attempt. Default: 60000. */
  timeout?: number;
  /** How often a request is sent again after a status 429, 502, 503 or 504. Default: 3. */
  retries?: number;
}

export class Seeklet {
  constructor(options: SeekletOptions);
  /** Finds the documents that are nearest to a text. */
  search<M = Record<string, unknown>>(query: string, options?: SearchOptions): Promise<Answer<M>>;
  /** Several queries in one request; an answer for each, in their order. */
  searchMany<M = Record<string, unknown>>(queries: string[], options?: SearchOptions): Promise<Answer<M>[]>;
  /** Finds the documents that are nearest to a document. */
  like<M = Record<string, unknown>>(id: string, options?: SearchOptions): Promise<Answer<M>>;
  /** Asks POST /similar, the older route: `n` documents, by meaning. */
  similar<M = Record<string, unknown>>(text: string, n?: number, options?: CallOptions): Promise<SimilarAnswer<M>>;
  /** The document of this id, or null. */
  document<M = Record<string, unknown>>(id: string, options?: CallOptions): Promise<SeekletDocument<M> | null>;
  /** The documents of these ids, in their order; null where there is none. */
  documents<M = Record<string, unknown>>(ids: string[], options?: CallOptions): Promise<(SeekletDocument<M> | null)[]>;
  /** A vector for each text, of length 1. */
  embed(inputs: string[], options?: EmbedOptions): Promise<number[][]>;
  embed(inputs: string, options?: EmbedOptions): Promise<number[]>;
  /** What the service holds: its model, its columns, its limits. */
  info(options?: CallOptions): Promise<Info>;
  /** Whether the service can answer. */
  health(options?: CallOptions): Promise<Health>;
}

export class SeekletError extends Error {
  constructor(
    fields: { status: number; code: string; detail: string; field?: string | null; requestId?: string | null },
    options?: ErrorOptions,
  );
  /** The HTTP status, or 0 where no answer came. */
  readonly status: number;
  /** A short stable name: the service's own, or "timeout", "network", "no_answer", "http_error". */
  readonly code: string;
  /** The field at fault, or null. */
  readonly field: string | null;
  /** A sentence for people. */
  readonly detail: string;
  /** The request's name in the service's log, or null. */
  readonly requestId: string | null;
}

/** Cuts a text at its highlights; term is null between two of them. `passage` keeps that part of the text alone. */
export function split(
  text: string,
  highlights?: Highlight[],
  passage?: Span | null,
): { text: string; term: string | null }[];

/** The part of a result's text that its score is of: the passage, or else the whole text. */
export function passageOf(hit: { text: string; passage?: Span }): string;
