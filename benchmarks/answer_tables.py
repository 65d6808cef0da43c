"""The tables about the quality of answers: quality, known items, cosines, other processors, exactness, stored dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.markdown import mean, milliseconds, table
from benchmarks.record import Results


def quality(results: Results) -> str:
    """Returns the quality by recipe and data set, in the order of the first data set's figures, best first."""
    sets = results.each("quality")
    columns = [(name, figure) for name, rows in sets.items() for figure in next(iter(rows.values()))]
    recipes = list(dict.fromkeys(recipe for rows in sets.values() for recipe in rows))

    def best_first(recipe: str) -> float:
        name, figure = columns[0]
        return -float(sets[name].get(recipe, {}).get(figure, {"mean": 0})["mean"])

    rows = [
        [recipe, *(mean(sets[name].get(recipe, {}).get(figure)) for name, figure in columns)]
        for recipe in sorted(recipes, key=best_first)
    ]
    return table(["", *(f"{name} {figure}" for name, figure in columns)], rows)


def known_items(results: Results) -> str:
    """Returns how often the right document is among the first ones, by our search and by fp32."""
    rows = [
        [
            name,
            f"{row['documents']:,}",
            f"{row['queries']:,}",
            rank,
            mean(found["seeklet"]),
            mean(found["fp32"]),
        ]
        for name, row in results.each("known items").items()
        for rank, found in row["found"].items()
    ]
    head = ["corpus", "documents", "queries", "found in the", "seeklet", "sentence-transformers fp32"]
    return table(head, rows)


def cosines(results: Results) -> str:
    """Returns each encoder's cosines with sentence-transformers' vectors."""
    figures = results.figures("cosines")
    rows = [
        [name, *(f"{row[key]:.4f}" for key in ("mean", "1 in 100 under", "least"))]
        for name, row in figures.get("encoders", {}).items()
    ]
    return table(["", "cosine mean", "1 in 100 under", "least"], rows)


def processors(results: Results) -> str:
    """Returns the figures of the same artifact on other processors."""
    rows = [
        [
            name,
            mean(row["spearman"]),
            f"{row['least cosine']:.6f}",
            f"{row['ids that differ']} of {row['ids']:,}",
            # Earlier results have no such count.
            f"{row['hybrid ids that differ']} of {row['hybrid ids']:,}" if "hybrid ids" in row else "",
        ]
        for name, row in results.figures("processors").get("on", {}).items()
    ]
    return table(
        ["", "STS-B spearman", "least cosine", "ids that aren't a full sort's", "the same, hybrid"], rows
    )


def exactness(results: Results) -> str:
    """Returns the number of ids that differ from a float64 sort's, by corpus size."""
    found = sorted((int(name.split()[0]), row) for name, row in results.each("exactness").items())
    rows = [
        [
            f"{size:,}",
            f"{row['queries']:,}",
            f"{row['ids that differ']} of {row['ids']:,}",
            f"{row['greatest gap']:.1e}",
        ]
        for size, row in found
    ]
    return table(
        ["documents", "queries", "ids that differ from float64's", "greatest gap of such scores"], rows
    )


def stored_dtypes(results: Results) -> str:
    """Returns bytes, answers, differing ids and times by set and dtype."""
    head = ["set", "documents", "`--dtype`", "embeddings", "scan", "artifact", "nDCG@10", "float32's top 10"]
    head += ["ids that differ", "search", "event"]
    found = sorted(results.each("stored dtypes").items(), key=lambda item: -int(item[1]["documents"]))
    rows = []
    for name, figures in found:
        for dtype, row in figures["dtypes"].items():
            called = f"`{dtype}`, the default" if dtype == figures["default"] else f"`{dtype}`"
            sizes = (f"{row['bytes'][part]:,}" for part in ("embeddings", "scan", "artifact"))
            answers = row["answers"]
            cells = [" / ".join(f"{modes['ndcg@10']['mean']:.4f}" for modes in answers.values())]
            cells.append(" / ".join(f"{modes['overlap']:.4f}" for modes in answers.values()))
            cells.append(f"{row['ids']['float32']} / {row['ids']['float64']} of {row['ids']['ids']:,}")
            cells += [_beside_float32(dtype, row[kind]) for kind in ("search", "event")]
            rows.append([name, f"{figures['documents']:,}", called, *sizes, *cells])
    return table(head, rows)


def _beside_float32(dtype: str, took: Mapping[str, Any]) -> str:
    """Returns float32's milliseconds, and the others' share of them."""
    if dtype == "float32":
        return milliseconds(took)
    low, high = took["ratio"]["quartiles"]
    return f"{took['ratio']['median']:.2f} ({low:.2f} to {high:.2f})"
