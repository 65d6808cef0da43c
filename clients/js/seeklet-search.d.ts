import type { Answer, Hit, Seeklet, SeekletError } from "./seeklet.js";

/** <seeklet-search src="https://..." k="5" mode="hybrid" placeholder="Search">. docs/clients.md lists the attributes. */
export class SeekletSearch extends HTMLElement {
  /** The text in the box. Setting it asks nothing; `search` does. */
  value: string;
  /** The results that are shown, best first. */
  readonly results: Hit[];
  /** The client that is asked: that of `src` and `api-key`, or one of the page's own. */
  client: Seeklet;
  /** Asks what is in the box, now. */
  search(): Promise<void>;
}

/** `place` is from 0, in the results of `query`. */
export type SelectEvent = CustomEvent<{ hit: Hit; place: number; query: string }>;
export type ResultsEvent = CustomEvent<{ query: string; answer: Answer }>;
export type ErrorEvent = CustomEvent<{ query: string; error: SeekletError }>;

declare global {
  interface HTMLElementTagNameMap {
    "seeklet-search": SeekletSearch;
  }
  interface HTMLElementEventMap {
    "seeklet-select": SelectEvent;
    "seeklet-results": ResultsEvent;
    "seeklet-error": ErrorEvent;
  }
}
