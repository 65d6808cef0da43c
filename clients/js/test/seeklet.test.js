/** The client against servers of this test's own, and what its helpers make of texts. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { test } from "node:test";

import { Seeklet, SeekletError, passageOf, split } from "../seeklet.js";

/** A server that gives these answers in turn, the last one again and again; and the requests that came. */
async function serve(t, ...answers) {
  const asked = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    const { method, url, headers } = request;
    asked.push({ method, url, headers, body: body && JSON.parse(body) });
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    if (answer === null) return; // says nothing
    const { status = 200, body: value = {}, headers: more = {} } = answer;
    response.writeHead(status, more).end(typeof value === "string" ? value : JSON.stringify(value));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

const ANSWER = { results: [{ id: "a", index: 0, score: 0.5, text: "storm", metadata: {} }], total: 1 };

test("each method asks its route", async (t) => {
  const body = { ...ANSWER, answers: [ANSWER], documents: [{ id: "x" }, null] };
  const { url, asked } = await serve(t, { body });
  const seeklet = new Seeklet({ url: `${url}/prod/`, apiKey: "secret" });
  const filter = { year: { $gte: 2019 } };
  const options = { k: 3, offset: 2, mode: "hybrid", share: 0, minScore: 0.1, filter, facets: ["year"], include: ["text"] };
  const sent = { k: 3, offset: 2, mode: "hybrid", share: 0, min_score: 0.1, filter, facets: ["year"], include: ["text"] };
  const calls = [
    [() => seeklet.search("q", options), "/search", { query: "q", ...sent }, body],
    [() => seeklet.searchMany(["q", "r"], { k: 1 }), "/search", { queries: ["q", "r"], k: 1 }, [ANSWER]],
    [() => seeklet.like("10.1/storm"), "/search", { like: "10.1/storm" }, body],
    [() => seeklet.similar("q", 2), "/similar", { text: "q", num_results: 2 }, body],
    [() => seeklet.similar("q"), "/similar", { text: "q" }, body],
    [() => seeklet.document("10.1/.."), "/documents", { ids: ["10.1/.."] }, { id: "x" }],
    [() => seeklet.documents(["x", "y"]), "/documents", { ids: ["x", "y"] }, [{ id: "x" }, null]],
    [() => seeklet.info(), "/info", "", body],
    [() => seeklet.health(), "/health", "", body],
  ];
  for (const [call, path, expected, answer] of calls) {
    assert.deepEqual(await call(), answer);
    const { method, url: address, headers, body: got } = asked.at(-1);
    assert.deepEqual([method, address, got], [expected ? "POST" : "GET", `/prod${path}`, expected]);
    assert.equal(headers["x-api-key"], "secret");
    assert.equal(headers["content-type"], expected ? "application/json" : undefined);
  }
});

test("embed gives a vector for a text, and a list for a list", async (t) => {
  const { url, asked } = await serve(t, { body: [[1, 2], [3, 4]] });
  const seeklet = new Seeklet({ url });
  assert.deepEqual(await seeklet.embed(["a", "b"], { prompt: "document", truncate: true, dimensions: 2 }), [[1, 2], [3, 4]]);
  assert.deepEqual(await seeklet.embed("a"), [1, 2]);
  assert.deepEqual(asked.map(({ url: path, body }) => [path, body]), [
    ["/embed", { inputs: ["a", "b"], prompt_name: "document", truncate: true, dimensions: 2 }],
    ["/embed", { inputs: ["a"] }],
  ]);
});

test("without a key none is sent; another fetch may be given", async () => {
  const seen = [];
  const fetch = async (url, request) => {
    seen.push([url, request.headers]);
    return new Response("{}");
  };
  await new Seeklet({ url: "https://x.example", fetch }).health();
  assert.deepEqual(seen, [["https://x.example/health", {}]]);
  for (const url of [undefined, "", 5]) assert.throws(() => new Seeklet({ url }), /needs the address/);
});

async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof SeekletError, String(error));
    const { status, code, field, detail, requestId } = error;
    assert.equal(error.message, detail);
    return { status, code, field, detail, requestId };
  }
  return assert.fail("it was answered");
}

test("errors", async (t) => {
  const problem = { type: "about:blank", title: "Unprocessable Content", status: 422 };
  const field = { detail: "k is 0", code: "invalid_request", field: "k" };
  const older = { error: { message: "k is 0", code: "invalid_request", field: "k" } };
  const none = { field: null, requestId: null };
  const cases = [
    [422, { ...problem, ...field }, { "x-request-id": "r1" }, { ...field, requestId: "r1" }],
    [422, { ...problem, ...field, error: "k is 0", error_type: "Validation" }, {}, { ...field, requestId: null }],
    [422, older, { "apigw-requestid": "r2" }, { ...field, requestId: "r2" }],
    [403, { message: "Forbidden" }, { "x-amzn-requestid": "r3" }, { code: "forbidden", detail: "Forbidden", field: null, requestId: "r3" }],
    [500, "<html>", {}, { code: "http_error", detail: "HTTP status 500", ...none }],
    [404, "null", {}, { code: "not_found", detail: "HTTP status 404", ...none }],
  ];
  for (const [status, body, headers, expected] of cases) {
    const { url } = await serve(t, { status, body, headers });
    assert.deepEqual(await refused(new Seeklet({ url }).search("q")), { status, ...expected });
  }
});

test("an answer that is none, a redirect, and no answer", async (t) => {
  const page = await serve(t, { body: "<html>" });
  const got = await refused(new Seeklet({ url: page.url }).search("q"));
  assert.deepEqual([got.status, got.code], [200, "no_answer"]);
  assert.match(got.detail, /\/search answers "<html>", which is no answer of seeklet/);
  const elsewhere = await serve(t, { body: ANSWER });
  for (const status of [301, 302, 307, 308]) {
    const { url } = await serve(t, { status, headers: { location: `${elsewhere.url}/search` } });
    const redirected = await refused(new Seeklet({ url, apiKey: "secret" }).search("q"));
    assert.deepEqual([redirected.status, redirected.code], [0, "network"]);
    assert.match(redirected.detail, /\/search doesn't answer \(unexpected redirect\)/);
  }
  assert.deepEqual(elsewhere.asked, []);
  const silent = await serve(t, null);
  const late = await refused(new Seeklet({ url: silent.url, timeout: 30 }).search("q"));
  assert.deepEqual([late.status, late.code], [0, "timeout"]);
  assert.match(late.detail, /\/search doesn't answer within 30 ms/);
});

test("busy services are asked again", async (t) => {
  const busy = [429, 502, 503, 504].map((status) => ({ status, headers: { "retry-after": "0" } }));
  const { url, asked } = await serve(t, ...busy, { body: ANSWER });
  assert.deepEqual(await new Seeklet({ url, retries: 4 }).search("q"), ANSWER);
  assert.equal(asked.length, 5);
  assert.deepEqual(asked.map(({ body }) => body), Array(5).fill({ query: "q" }));
});

test("but not for ever, not for other errors, and not where it would take long", async (t) => {
  const past = new Date(0).toUTCString();
  const far = new Date(Date.now() + 3_600_000).toUTCString();
  for (const [status, after, retries, requests] of [
    [503, "0", 2, 3],
    [503, past, 2, 3],
    [503, "0", 0, 1],
    [429, "3600", 3, 1],
    [429, "25.5", 3, 1],
    [429, far, 3, 1],
    [500, "0", 3, 1],
    [422, "0", 3, 1],
  ]) {
    const { url, asked } = await serve(t, { status, headers: { "retry-after": after } });
    assert.equal((await refused(new Seeklet({ url, retries }).search("q"))).status, status);
    assert.equal(asked.length, requests);
  }
});

for (const [said, headers] of [["no", {}], ["a negative", { "retry-after": "-1" }], ["an odd", { "retry-after": "soon" }]]) {
  test(`with ${said} Retry-After the wait grows`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    let requests = 0;
    const fetch = async () => new Response("{}", { status: ++requests < 4 ? 503 : 200, headers });
    const asking = new Seeklet({ url: "http://x", fetch }).health();
    const settle = async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    };
    for (const [least, most] of [[250, 500], [500, 1000], [1000, 2000]]) {
      await settle();
      const before = requests;
      t.mock.timers.tick(least - 1);
      await settle();
      assert.equal(requests, before);
      t.mock.timers.tick(most - least + 1);
      await settle();
      assert.equal(requests, before + 1);
    }
    assert.deepEqual(await asking, {});
  });
}

test("a signal ends a request, and the wait between two", async (t) => {
  const silent = await serve(t, null);
  const busy = await serve(t, { status: 503, headers: { "retry-after": "15" } });
  for (const { url, asked } of [silent, busy]) {
    const call = new AbortController();
    const asking = new Seeklet({ url }).search("q", { signal: call.signal });
    while (!asked.length) await new Promise((resolve) => setTimeout(resolve, 5));
    const reason = new Error("enough");
    setTimeout(() => call.abort(reason), 20);
    await assert.rejects(asking, reason);
    assert.deepEqual(asked[0].body, { query: "q" });
    assert.equal(asked.length, 1);
    await assert.rejects(new Seeklet({ url }).search("q", { signal: call.signal }), reason);
    assert.equal(asked.length, 1);
  }
});

test("split counts code points", () => {
  const text = "😀 a storm over 東京, 👩‍👧 storms";
  const at = (word, from = 0) => {
    const start = Array.from(text.slice(0, text.indexOf(word, from))).length;
    return { term: "storm", start, end: start + Array.from(word).length };
  };
  const parts = split(text, [at("storms"), at("storm"), at("東京")]);
  assert.deepEqual(parts, [
    { text: "😀 a ", term: null },
    { text: "storm", term: "storm" },
    { text: " over ", term: null },
    { text: "東京", term: "storm" },
    { text: ", 👩‍👧 ", term: null },
    { text: "storms", term: "storm" },
  ]);
  const passage = { start: 2, end: 9 };
  assert.equal(passageOf({ text, passage }), "a storm");
  assert.equal(passageOf({ text }), text);
  assert.deepEqual(split(text, [at("storms"), at("storm")], passage), [
    { text: "a ", term: null },
    { text: "storm", term: "storm" },
  ]);
  assert.deepEqual(split("", []), []);
  assert.deepEqual(split("ab"), [{ text: "ab", term: null }]);
});

test("split gives the text again, whatever the highlights are", () => {
  const text = "a😀b\ud800c👍🏽d";
  const length = Array.from(text).length;
  let seed = 1;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 500; round++) {
    const highlights = Array.from({ length: random(5) }, () => ({ term: "t", start: random(length), end: random(length + 3) }));
    const start = random(length);
    const passage = random(2) ? { start, end: start + random(length + 2 - start) } : null;
    const parts = split(text, highlights, passage);
    assert.equal(parts.map((part) => part.text).join(""), passageOf({ text, passage }));
    assert.ok(parts.every((part) => part.text));
  }
});

test("the types name every method, and no other", async () => {
  const text = await readFile(new URL("../seeklet.d.ts", import.meta.url), "utf8");
  const declared = text.slice(text.indexOf("export class Seeklet {"), text.indexOf("export class SeekletError"));
  const names = [...declared.matchAll(/^ {2}(\w+)[(<]/gm)].map(([, name]) => name);
  assert.deepEqual([...new Set(names)].sort(), Object.getOwnPropertyNames(Seeklet.prototype).sort());
});
