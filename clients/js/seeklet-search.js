/**
 * <seeklet-search src="https://...">: a search box that shows results as one types.
 *
 * It is a combobox with a listbox, as the ARIA Authoring Practices describe it. It asks by seeklet.js, and follows no
 * result: the page listens to the event `seeklet-select`.
 */

import { Seeklet, split } from "./seeklet.js";

const DEBOUNCE = 150; // ms after the last key
const INCLUDE = ["text", "metadata", "highlights"];
const WORDS = { many: (n) => (n === 1 ? "1 result" : `${n} results`), none: "No results", wait: "Searching" };

const STYLE = `
:host {
  --_text: var(--seeklet-text, #1a1a1a);
  --_muted: var(--seeklet-muted, #595959);
  --_background: var(--seeklet-background, #ffffff);
  --_border: var(--seeklet-border, #767676);
  --_active: var(--seeklet-active, #e8eefc);
  --_accent: var(--seeklet-accent, #1d4ed8);
  --_mark: var(--seeklet-mark, #fde68a);
  --_mark-text: var(--seeklet-mark-text, #1a1a1a);
  --_error: var(--seeklet-error, #b91c1c);
  --_radius: var(--seeklet-radius, 6px);
  color-scheme: light;
  display: block;
  position: relative;
  color: var(--_text);
  font: var(--seeklet-font, 16px/1.5 system-ui, sans-serif);
}
:host([hidden]) { display: none; }
:host([theme="dark"]) { /*dark*/ }
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { /*dark*/ } }
input {
  box-sizing: border-box; width: 100%; padding: 0.5em 0.75em; font: inherit; color: inherit;
  background: var(--_background); border: 1px solid var(--_border); border-radius: var(--_radius);
}
input::placeholder { color: var(--_muted); opacity: 1; }
input:focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
ul {
  box-sizing: border-box; position: absolute; z-index: 10; inset-inline: 0; margin: 4px 0 0; padding: 4px;
  max-height: var(--seeklet-height, 24em); overflow-y: auto; list-style: none; background: var(--_background);
  border: 1px solid var(--_border); border-radius: var(--_radius); box-shadow: 0 4px 16px rgb(0 0 0 / 0.2);
}
ul[hidden] { display: none; }
li { padding: 0.4em 0.6em; border-radius: calc(var(--_radius) - 2px); cursor: pointer; overflow-wrap: anywhere; }
li[aria-selected="true"] { background: var(--_active); box-shadow: inset 3px 0 var(--_accent); }
mark { background: var(--_mark); color: var(--_mark-text); border-radius: 2px; }
p { margin: 0.25em 0 0; min-height: 1.5em; font-size: 0.875em; color: var(--_muted); }
p.error { color: var(--_error); }
@media (forced-colors: active) { li[aria-selected="true"] { outline: 2px solid Highlight; } }
`.replaceAll(
  "/*dark*/",
  `
  --_text: var(--seeklet-text, #f2f2f2);
  --_muted: var(--seeklet-muted, #b3b3b3);
  --_background: var(--seeklet-background, #1e1e1e);
  --_border: var(--seeklet-border, #8c8c8c);
  --_active: var(--seeklet-active, #2b3a5c);
  --_accent: var(--seeklet-accent, #8ab4ff);
  --_mark: var(--seeklet-mark, #7a5d00);
  --_mark-text: var(--seeklet-mark-text, #ffffff);
  --_error: var(--seeklet-error, #ff9a9a);
  color-scheme: dark;
`,
);

function element(name, attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export class SeekletSearch extends HTMLElement {
  static observedAttributes = ["src", "api-key", "placeholder", "label", "debounce", "k", "mode", "share"];

  #input = element("input", {
    part: "input", id: "input", type: "text", dir: "auto", role: "combobox", autocomplete: "off", spellcheck: "false",
    enterkeyhint: "search", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "list",
  });
  #list = element("ul", { part: "list", id: "list", role: "listbox", hidden: "" });
  // What a screen reader says, and what stands below the box.
  #status = element("p", { part: "status", role: "status" });
  #client = null;
  #ownClient = null;
  #timer = 0;
  #call = null; // the AbortController of the request under way
  #query = ""; // of the results that are shown
  #hits = [];
  #active = -1;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(this.#input, this.#list, this.#status);
    this.#input.addEventListener("input", (event) => event.isComposing || this.#later());
    // While a Chinese or Japanese word is put together, it is no query yet.
    this.#input.addEventListener("compositionend", () => this.#later());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("blur", () => this.#open(false));
    // The box keeps the focus while the mouse chooses.
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const option = event.target.closest("li");
      if (option) this.#select(Array.from(this.#list.children).indexOf(option));
    });
  }

  connectedCallback() {
    this.#label();
  }

  disconnectedCallback() {
    this.#cancel();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "src" || name === "api-key") this.#client = null;
    this.#label();
  }

  /** The text in the box. Setting it asks nothing; `search` does. */
  get value() {
    return this.#input.value;
  }

  set value(text) {
    this.#cancel();
    this.#input.value = text;
  }

  /** The results that are shown, best first. */
  get results() {
    return [...this.#hits];
  }

  /** The Seeklet that is asked: that of `src` and `api-key`, or one of the page's own. */
  get client() {
    if (this.#ownClient) return this.#ownClient;
    const apiKey = this.getAttribute("api-key") ?? undefined;
    this.#client ??= new Seeklet({ url: this.getAttribute("src") || location.origin, apiKey, retries: 1 });
    return this.#client;
  }

  set client(client) {
    this.#ownClient = client;
  }

  /** Asks what is in the box, now. It resolves when the results are shown, or the request ended otherwise. */
  async search() {
    this.#cancel();
    const query = this.#input.value.trim();
    if (!query) {
      this.#show("", []);
      this.#say("");
      return;
    }
    const call = new AbortController();
    this.#call = call;
    this.#say(WORDS.wait);
    try {
      const answer = await this.client.search(query, { ...this.#options(), signal: call.signal });
      // A later query came between: only the last one is shown.
      if (this.#call !== call) return;
      this.#show(query, answer.results);
      this.#say(answer.results.length ? WORDS.many(answer.results.length) : WORDS.none);
      this.#tell("seeklet-results", { query, answer });
    } catch (error) {
      if (this.#call !== call) return;
      this.#show(query, []);
      this.#say(error.detail ?? String(error), true);
      this.#tell("seeklet-error", { query, error });
    } finally {
      if (this.#call === call) this.#call = null;
    }
  }

  #options() {
    const share = this.getAttribute("share");
    return {
      k: Number(this.getAttribute("k")) || 5,
      mode: this.getAttribute("mode") ?? undefined,
      share: share === null ? undefined : Number(share),
      include: INCLUDE,
    };
  }

  #label() {
    const placeholder = this.getAttribute("placeholder") ?? "Search";
    const label = this.getAttribute("label") ?? placeholder;
    this.#input.placeholder = placeholder;
    this.#input.setAttribute("aria-label", label);
    this.#list.setAttribute("aria-label", label);
  }

  #later() {
    this.#cancel();
    // Enter must not choose a result of the text before.
    this.#mark(-1);
    const wait = Number(this.getAttribute("debounce") ?? DEBOUNCE);
    this.#timer = setTimeout(() => this.search(), wait);
  }

  #cancel() {
    clearTimeout(this.#timer);
    const call = this.#call;
    this.#call = null;
    if (!call) return;
    call.abort();
    this.#say(this.#hits.length ? WORDS.many(this.#hits.length) : "");
  }

  #show(query, hits) {
    this.#query = query;
    this.#hits = hits;
    this.#list.replaceChildren(...hits.map((hit, place) => this.#option(hit, place)));
    this.#list.scrollTop = 0;
    this.#open(hits.length > 0 && this.shadowRoot.activeElement === this.#input);
  }

  #option(hit, place) {
    const option = element("li", {
      part: "option", id: `option-${place}`, role: "option", "aria-selected": "false",
      // A text is read from its own side, whatever the page's is.
      dir: "auto",
    });
    for (const { text, term } of split(hit.text ?? hit.id, hit.highlights, hit.passage)) {
      if (term === null) option.append(text);
      else option.append(Object.assign(element("mark", { part: "mark" }), { textContent: text }));
    }
    return option;
  }

  #open(open) {
    this.#list.hidden = !open;
    this.#input.setAttribute("aria-expanded", String(open));
    this.#mark(-1);
  }

  #mark(place) {
    this.#list.children[this.#active]?.setAttribute("aria-selected", "false");
    this.#list.children[this.#active]?.setAttribute("part", "option");
    this.#active = place;
    const option = this.#list.children[place];
    if (!option) {
      this.#input.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    option.setAttribute("part", "option active");
    option.scrollIntoView({ block: "nearest" });
    this.#input.setAttribute("aria-activedescendant", option.id);
  }

  #key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const open = !this.#list.hidden;
    const count = this.#hits.length;
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp": {
        if (!count) return;
        const down = event.key === "ArrowDown";
        if (event.altKey) this.#open(down);
        else {
          const next = this.#active < 0 ? (down ? 0 : count - 1) : this.#active + (down ? 1 : -1);
          if (!open) this.#open(true);
          this.#mark((next + count) % count);
        }
        break;
      }
      case "Enter":
        if (open && this.#active >= 0) this.#select(this.#active);
        else this.search();
        break;
      case "Escape":
        this.#cancel();
        if (open) this.#open(false);
        else if (this.#input.value) {
          this.#input.value = "";
          this.search();
        } else return;
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  #select(place) {
    this.#cancel();
    this.#open(false);
    this.#tell("seeklet-select", { hit: this.#hits[place], place, query: this.#query });
  }

  #say(text, isError = false) {
    this.#status.textContent = text;
    this.#status.classList.toggle("error", isError);
    this.#status.setAttribute("part", isError ? "status error" : "status");
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get("seeklet-search")) customElements.define("seeklet-search", SeekletSearch);
