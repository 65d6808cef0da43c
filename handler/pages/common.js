// What all pages share: requests to the service that serves the page, and the form that asks for its key.
const KEY = "seeklet-key";
const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
// The service's own path, with a slash at its end: the page may be behind a stage, /prod or /prod/.
const home = location.pathname.replace(PAGE ? /[^/]*$/ : /\/*$/, "").replace(/\/*$/, "/");

class Failure extends Error {
  constructor(kind, message) { super(message); this.kind = kind; }
}

// A browser may refuse to store. Then this page alone has the key.
let ownKey = null;
function keptKey() {
  try { return sessionStorage.getItem(KEY) ?? ownKey; } catch { return ownKey; }
}
function keepKey(key) {
  ownKey = key;
  try { sessionStorage.setItem(KEY, key); } catch { /* see above */ }
}

async function request(path, body, signal) {
  const headers = { accept: "application/json" }, key = keptKey();
  if (key) headers["x-api-key"] = key;
  if (body) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(location.origin + home + path, body ? { method: "POST", headers, signal, body: JSON.stringify(body) } : { headers, signal, cache: "no-cache" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("offline", "The service can't be reached. Check the connection, and try again.");
  }
  let answer = null;
  try { answer = await response.json(); } catch (error) { if (error.name === "AbortError") throw error; /* Not JSON: the status says enough. */ }
  if (response.ok && answer) return [answer, response];
  if (response.status === 403 || response.status === 401) throw new Failure("key", key ? "The service doesn't accept this key." : "");
  const told = answer && (answer.detail || answer.message || (answer.error && answer.error.message));
  if (response.status === 404 && answer && answer.code === "no_map") throw new Failure("no_map", told);
  throw new Failure("error", told || `The service answered with the status ${response.status}.`);
}

const call = async (path, body, signal) => (await request(path, body, signal))[0];

function make(name, kind, text) {
  const element = document.createElement(name);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}

// A text of the corpus is read from its own side, whatever the page's is.
function makeText(name, kind, text) {
  const element = make(name, kind, text);
  element.dir = "auto";
  return element;
}

function makeButton(kind, text, act) {
  const button = make("button", kind, text);
  button.type = "button";
  button.onclick = act;
  return button;
}

// Before what holds the focus is taken away: the keyboard goes on from the query, not from the top of the page.
function leave(element) {
  if (element.contains(document.activeElement)) $("q").focus({ preventScroll: true });
}

function dots() {
  const row = make("div", "dots");
  row.append(make("i"), make("i"), make("i"));
  return row;
}

// The form for the key. It is kept for this tab, then `done` is called.
function keyForm(message, done) {
  const inside = make("div", "asked"), form = make("form"), label = make("label", "", "API key"), row = make("div", "row");
  const input = make("input"), button = make("button", "main", "Continue"), problem = make("p", "told bad", message);
  input.id = "key"; input.type = "password"; input.autocomplete = "off"; input.required = true;
  label.htmlFor = "key";
  button.type = "submit";
  problem.setAttribute("role", "alert");
  row.append(input, button);
  form.append(label, row, problem);
  form.onsubmit = (event) => {
    event.preventDefault();
    const key = input.value.trim();
    // No header can carry another one: the request would fail as if there were no connection.
    if (!/^[!-~]+$/.test(key)) {
      problem.textContent = "A key has ASCII letters, digits and signs alone. Check this one.";
      input.focus();
      return;
    }
    keepKey(key);
    done();
  };
  inside.append(make("h2", "", "This service needs a key"), make("p", "", "The key stays in this tab, and is gone when you close it."), form);
  return inside;
}
