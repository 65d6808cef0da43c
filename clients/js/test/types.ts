/** A program that uses every name of the types: tests/test_js_client.py lets TypeScript check it. It isn't run. */

import { Seeklet, SeekletError, passageOf, split } from "seeklet";
import type { Answer, Filter, Hit, Mode, SearchOptions } from "seeklet";
import { SeekletSearch, type SelectEvent } from "seeklet/search";

interface Paper {
  year: number;
}

const mode: Mode = "hybrid";
const filter: Filter = { year: { $gte: 2019, $lt: 2021 }, $or: [{ topic: "climate" }, { $not: { topic: { $in: ["food"] } } }] };
const options: SearchOptions = { k: 3, mode, share: 0.4, filter, minScore: 0.1, include: ["text", "highlights"] };
const seeklet = new Seeklet({ url: "https://x.example", apiKey: "secret", timeout: 5000, retries: 1, fetch });

export async function use(signal: AbortSignal): Promise<number> {
  const answer: Answer<Paper> = await seeklet.search<Paper>("storms", { ...options, signal });
  const hit: Hit<Paper> | undefined = answer.results[0];
  const many: Answer[] = await seeklet.searchMany(["a", "b"]);
  const like = await seeklet.like("10.1/storm", { k: 1 });
  const older: string[] = (await seeklet.similar("storms", 3)).text;
  const document = await seeklet.document<Paper>("10.1/storm");
  const missing: number = (await seeklet.documents(["x"], { signal })).filter((found) => found === null).length;
  const vectors: number[][] = await seeklet.embed(["a"]);
  const vector: number[] = await seeklet.embed("a", { prompt: "query", truncate: true, dimensions: 64, signal });
  const columns: string[] = (await seeklet.info()).columns.map((column) => column.name);
  const status: string = (await seeklet.health()).status;
  const marked = hit ? split(hit.text, hit.highlights, hit.passage).filter((part) => part.term !== null) : [];
  const shown = hit ? passageOf(hit) : "";
  // @ts-expect-error: there is no such mode
  await seeklet.search("storms", { mode: "fuzzy" });
  // @ts-expect-error: there is no such option
  await seeklet.search("storms", { topK: 3 });
  const year: number | undefined = document?.metadata.year ?? hit?.metadata.year;
  return (year ?? 0) + vector.length + vectors.length + many.length + like.total + older.length + missing +
    columns.length + status.length + marked.length + shown.length;
}

export function explain(error: unknown): string {
  if (!(error instanceof SeekletError)) throw error;
  return `${error.status} ${error.code} ${error.field ?? ""} ${error.detail} ${error.requestId ?? ""}`;
}

const box: SeekletSearch = document.createElement("seeklet-search");
box.client = seeklet;
box.addEventListener("seeklet-select", (event: SelectEvent) => console.log(event.detail.hit.id, event.detail.place));
void box.search().then(() => box.results.length + box.value.length);
