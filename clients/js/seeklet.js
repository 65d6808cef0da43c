/**
 * A client of a seeklet service, for browsers, Node and workers. It has no dependencies: it uses `fetch`.
 *
 * seeklet.d.ts describes every name. It draws nothing: seeklet-search.js does.
 */

const RETRIED = new Set([429, 502, 503, 504]);
const FIRST_WAIT = 500; // ms, doubled at each retry
const LONGEST_WAIT = 20_000; // ms; a service that asks for more time is given up
const NAMES = { minScore: "min_score", prompt: "prompt_name" };
const CODES = { 401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "too_many_requests" };

/** An answer that is an error, or none at all: then `status` is 0, and `code` "timeout" or "network". */
export class SeekletError extends Error {
  constructor({ status, code, field = null, detail, requestId = null }, options) {
    super(detail, options);
    this.name = "SeekletError";
    this.status = status;
    this.code = code;
    this.field = field;
    this.detail = detail;
    this.requestId = requestId;
  }
}

export class Seeklet {
  #url;
  #headers = {};
  #fetch;
  #timeout;
  #retries;

  constructor({ url, apiKey, fetch, timeout = 60_000, retries = 3 }) {
    if (typeof url !== "string" || !url) {
      throw new TypeError('Seeklet needs the address of a service: new Seeklet({ url: "https://..." })');
    }
    this.#url = url.replace(/\/+$/, "");
    if (apiKey) this.#headers["x-api-key"] = apiKey;
    this.#fetch = fetch ?? ((...request) => globalThis.fetch(...request));
    this.#timeout = timeout;
    this.#retries = retries;
  }

  search(query, options) {
    return this.#search({ query }, options);
  }

  async searchMany(queries, options) {
    return (await this.#search({ queries }, options)).answers;
  }

  like(id, options) {
    return this.#search({ like: id }, options);
  }

  similar(text, n, { signal } = {}) {
    return this.#post("/similar", { text, num_results: n }, signal);
  }

  async document(id, options) {
    // An id may hold a slash, which a gateway would take for a part of the path. So ids are always posted.
    return (await this.documents([id], options))[0];
  }

  async documents(ids, { signal } = {}) {
    return (await this.#post("/documents", { ids }, signal)).documents;
  }

  async embed(inputs, { signal, ...options } = {}) {
    const vectors = await this.#post("/embed", { inputs: [inputs].flat(), ...renamed(options) }, signal);
    return Array.isArray(inputs) ? vectors : vectors[0];
  }

  info({ signal } = {}) {
    return this.#ask("/info", {}, signal);
  }

  health({ signal } = {}) {
    return this.#ask("/health", {}, signal);
  }

  #search(asked, { signal, ...options } = {}) {
    return this.#post("/search", { ...asked, ...renamed(options) }, signal);
  }

  #post(path, value, signal) {
    const headers = { "content-type": "application/json" };
    return this.#ask(path, { method: "POST", headers, body: JSON.stringify(value) }, signal);
  }

  async #ask(path, request, signal) {
    for (let attempt = 0; ; attempt++) {
      const response = await this.#try(path, request, signal);
      if (response.ok) return response.value;
      const wait = waitOf(response.headers.get("retry-after"), attempt);
      if (!RETRIED.has(response.status) || attempt >= this.#retries || wait > LONGEST_WAIT) {
        throw errorOf(response);
      }
      await sleep(wait, signal);
    }
  }

  /** One request, with its body read: a body that stops coming ends by the time limit too. */
  async #try(path, request, signal) {
    const limit = AbortSignal.timeout(this.#timeout);
    const signals = signal ? AbortSignal.any([signal, limit]) : limit;
    try {
      const response = await this.#fetch(this.#url + path, {
        ...request,
        headers: { ...this.#headers, ...request.headers },
        // A redirect would take the key to another host.
        redirect: "error",
        signal: signals,
      });
      const { ok, status, headers } = response;
      const text = await response.text();
      const value = parse(text);
      if (ok && value === undefined) {
        const detail = `${this.#url}${path} answers ${JSON.stringify(text.slice(0, 80))}, which is no answer of seeklet`;
        throw new SeekletError({ status, code: "no_answer", detail, requestId: requestIdOf(headers) });
      }
      return { ok, status, headers, value };
    } catch (error) {
      // The caller's own reason is what the caller expects.
      signal?.throwIfAborted();
      if (error instanceof SeekletError) throw error;
      const [code, what] = limit.aborted
        ? ["timeout", `doesn't answer within ${this.#timeout} ms`]
        : // Node says "fetch failed", and the reason in its cause.
          ["network", `doesn't answer (${error.cause?.message || error.message})`];
      throw new SeekletError({ status: 0, code, detail: `${this.#url}${path} ${what}` }, { cause: error });
    }
  }
}

/**
 * Cuts a text at its highlights: [{ text, term }], where term is null between two of them. Places are code points, as the
 * service counts: an emoji is one, while JavaScript's strings count two. `passage` keeps that part of the text alone.
 */
export function split(text, highlights = [], passage = null) {
  const points = Array.from(text);
  const first = passage?.start ?? 0;
  const last = Math.min(passage?.end ?? points.length, points.length);
  const parts = [];
  const add = (start, end, term) => {
    if (end > start) parts.push({ text: points.slice(start, end).join(""), term });
  };
  let place = first;
  for (const { term, start, end } of [...highlights].sort((a, b) => a.start - b.start || b.end - a.end)) {
    // One that lies in another, or reaches out of the passage, is left out.
    if (start < place || end > last || end <= start) continue;
    add(place, start, null);
    add(start, end, term);
    place = end;
  }
  add(place, last, null);
  return parts;
}

/** The part of a result's text that its score is of: the passage, or else the whole text. */
export function passageOf({ text, passage }) {
  return passage ? Array.from(text).slice(passage.start, passage.end).join("") : text;
}

/** Options by the service's names. */
function renamed(options) {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [NAMES[name] ?? name, value]));
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorOf({ status, headers, value }) {
  // A problem, which may have the error of a familiar API beside; or the error of POST /similar; or API Gateway's own message.
  const error = (value?.detail === undefined ? value?.error : value) ?? value ?? {};
  const detail = error.detail ?? error.message ?? `HTTP status ${status}`;
  const code = error.code ?? CODES[status] ?? "http_error";
  return new SeekletError({ status, code, field: error.field, detail, requestId: requestIdOf(headers) });
}

function requestIdOf(headers) {
  return headers.get("x-request-id") ?? headers.get("apigw-requestid") ?? headers.get("x-amzn-requestid");
}

/** Milliseconds until the next attempt: what the service asks for, in seconds or as a date, or else twice as long each time. */
function waitOf(retryAfter, attempt) {
  if (retryAfter && /^\d+(\.\d+)?$/.test(retryAfter.trim())) return Number(retryAfter) * 1000;
  // A date has the names of a day and a month; Date.parse takes "1.5" for one too.
  const date = /[a-z]{3}/i.test(retryAfter ?? "") ? Date.parse(retryAfter) : NaN;
  if (!Number.isNaN(date)) return Math.max(0, date - Date.now());
  // Callers that were refused at once shouldn't come back at once.
  return FIRST_WAIT * 2 ** attempt * (0.5 + Math.random() / 2);
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
